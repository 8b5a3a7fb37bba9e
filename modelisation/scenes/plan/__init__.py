"""What stands where in a scene: street, houses, roadside, traffic; how it looks is in `paint`."""
