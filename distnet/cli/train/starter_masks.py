"""What is special about the first job file for images with masks."""

from distnet.data.manifest import Manifest

LARGE_SIDE = 256  # pixels; larger images are learned in parts
PARTS = (256, 224, 192, 160, 128, 96, 64)
PIXELS_OF_A_STEP = 2**18
GOOD_STEPS = 500

NETWORK = """\
# The network. It halves the image several times and doubles it again, so that each pixel sees
# what is around it. Or your own class as ./mynet.py:MyNet.
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


def train(manifest: Manifest) -> str:
    """The section `train`."""
    height, width = manifest.x.shape[1:]
    size = _part(manifest)
    num_samples = manifest.splits["train"].num_samples
    num_samples *= (height // size) * (width // size) if size else 1
    pixels = size * size or height * width
    slices = 4 if num_samples >= 8 else 1
    batch_size = max(2 * slices, min(64, PIXELS_OF_A_STEP // pixels // slices * slices))
    epochs = min(100, max(5, round(GOOD_STEPS * batch_size / max(1, num_samples))))
    return f"""\
# How long to train. A batch is cut into slices, which the workers share: the result is the same
# on any number of workers up to the number of slices.
train:
  epochs: {epochs:<16} # passes over all training samples
  batch_size: {batch_size:<12} # samples of one step, over all workers
  slices: {slices}
  seed: 0                  # of the initial weights and the order of the samples
"""


def _part(manifest: Manifest) -> int:
    """The side of the parts of large images, which divides both sides if one does; else 0."""
    height, width = manifest.x.shape[1:]
    if max(height, width) <= LARGE_SIDE:
        return 0
    fitting = [side for side in PARTS if side <= min(height, width)]
    exact = (side for side in fitting if height % side == 0 and width % side == 0)
    return next(exact, fitting[0] if fitting else 0)
