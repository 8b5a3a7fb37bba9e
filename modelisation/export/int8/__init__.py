"""A bundle's network in int8, quantised after training by NNCF, with as few layers in float as accuracy asks for."""
