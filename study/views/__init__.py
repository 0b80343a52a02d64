"""What the server answers: pages, the JSON door, images, health."""
