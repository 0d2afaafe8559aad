"""What is special about the first job file for images with masks."""

from distnet.cli.train.starter.length import USUAL_SLICES, Length, length_of
from distnet.data.manifest import Manifest

LARGE_SIDE = 256  # pixels; larger images are learned in parts
PARTS = (256, 224, 192, 160, 128, 96, 64)
PIXELS_OF_A_STEP = 2**18
GOOD_STEPS = 500

NETWORK = """\
# The network. It halves the image several times and doubles it again, so that each pixel sees
# what is around it, and keeps the fine edges, which a network for whole images would lose. It is
# the usual one for cells, tissue, roads and fields, and learns from a few dozen images.
# Next: more channels, or depth where objects are large; the loss dice: 1.0 where they are small.
# Others: your own class as ./mynet.py:MyNet.
network:
  kind: unet
  channels: 16             # feature maps of the first level; each further level has twice as many
  depth: 3                 # how often the image is halved; more of it sees farther
"""
TASK = """\
# The task: give each pixel its class. Measured by the mean intersection over union.
task:
  kind: segment
  dice: 0.5                # part of a second loss, which counts small classes as much as large ones
"""
EVALUATE = """\
  batch_size: 16           # images computed at once; lower it if memory runs out
"""


def has_masks(manifest: Manifest) -> bool:
    """Whether each image x has a mask of its size, and nothing else is to be learned."""
    x, mask = manifest.fields.get("x"), manifest.fields.get("mask")
    if x is None or mask is None or mask.kind != "mask" or {"y", "boxes"} & manifest.fields.keys():
        return False
    return x.kind == "image" and x.shape[1:] == mask.shape


def parts_of_images(manifest: Manifest) -> str:
    """The keys of the section `data` that make large images into parts, and change them."""
    size = _part(manifest)
    view = f"""\
  view:
    kind: crops            # random parts to learn from; tiles, which cover an image, to measure on
    size: {size}
"""
    return f"""\
{view if size else ""}\
  augment:                 # small random changes, so that no image is seen twice
    - {{kind: flip}}         # left to right
  # - {{kind: turn}}         # by quarters; for square images without an upside
  # - {{kind: jitter}}       # brightness and contrast
  # - {{kind: elastic}}      # bends the image; for cells and tissue
"""


def length(manifest: Manifest) -> Length:
    """The length of the training: steps of about as many pixels, however large the images are."""
    height, width = manifest.x.shape[1:]
    size = _part(manifest)
    num_samples = manifest.splits["train"].num_samples
    num_samples *= (height // size) * (width // size) if size else 1
    pixels = size * size or height * width
    batch_size = min(64, PIXELS_OF_A_STEP // pixels // USUAL_SLICES * USUAL_SLICES)
    return length_of(num_samples, batch_size, GOOD_STEPS)


def _part(manifest: Manifest) -> int:
    """The side of the parts of large images, which divides both sides if one does; else 0."""
    height, width = manifest.x.shape[1:]
    if max(height, width) <= LARGE_SIDE:
        return 0
    fitting = [side for side in PARTS if side <= min(height, width)]
    exact = (side for side in fitting if height % side == 0 and width % side == 0)
    return next(exact, fitting[0] if fitting else 0)
