"""What the first job file for images with boxes has of its own: network, task and changes."""

from distnet.data.manifest import Manifest

NETWORK = """\
# The network. A one-stage detector: every cell of its last maps says what lies there. It learns
# from a few hundred images without weights from elsewhere, and is computed in one pass; detectors
# of two stages find more on large sets, but take several times as long.
# Next: larger images (data import --size) or levels: 3 for small objects, more channels if the
# training loss stays high. Others: your own class as ./mynet.py:MyNet.
network:
  kind: detector
  channels: [16, 32, 64, 96]   # maps of each stage; each stage halves the image
  levels: 2                # the last stages find objects: one more for objects below 8 pixels
"""
TASK = """\
# The task: find the objects on an image, each with its class and its box.
task:
  kind: detect
"""
AUGMENT = """\
  augment:                 # random changes, so that no image is seen twice; boxes move along
    - {kind: shift, pixels: 8}
    - {kind: flip}         # left to right; remove it where that changes a class
"""


def has_boxes(manifest: Manifest) -> bool:
    """Whether the task `detect` learns from the dataset: images of one size, boxes with classes."""
    x, boxes = manifest.fields.get("x"), manifest.fields.get("boxes")
    is_of_one_size = x is not None and x.kind == "image" and len(x.shape) == 3
    return is_of_one_size and boxes is not None and boxes.kind == "boxes" and bool(boxes.classes)
