"""How a scene becomes a picture with labels: canvas, camera, lens, light, noise; knows nothing of streets."""
