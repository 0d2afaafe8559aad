"""Parts of images, and images made of several."""
