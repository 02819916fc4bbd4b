"""How far a generator's images are from real ones, how varied they are, and whether they are copies.

Every number comes with its floor, the same number on real images only: a distance is never 0 between finite
sets, so a value without its floor says little; both vary with the draw, and a value may lie a little below its
floor. Numbers compare only where resolution, channels and count of images are the same. docs/measures.md says what
each one is and what it is blind to.

    images        checks and draws
    pyramid       the Laplacian pyramid
    wasserstein   sliced Wasserstein distances: of structure, and of colours
    diversity     spread, MS-SSIM
    features      frozen features
    neighbours    precision, recall, density, coverage
    two_sample    kernel distance, classifier two-sample test
    memorisation  copies of training images
    suite         all of these at once: `measure_all`, `quick_measures`
    classifier    a network for the data's labels (TensorFlow)
    classes       which classes are drawn
    frechet       the Fréchet distance
    inception     the features of FID (TensorFlow)
"""

from training.measures.suite import measure_all, quick_measures

__all__ = ["measure_all", "quick_measures"]
