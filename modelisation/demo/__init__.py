"""`make demo`: starts the services, sends sample pictures, prints the table; needs no torch."""
