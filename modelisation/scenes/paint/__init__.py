"""How the things of a scene look: ground, houses, vehicles, people, plants; where they stand is in `plan`."""
