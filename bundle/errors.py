"""What can be wrong with a bundle, as exceptions.

BundleError
 ├─ InvalidBundle     the folder is no bundle, or not the one its manifest describes
 ├─ UnknownBundle     no bundle of that name and version
 └─ VersionExists     that version is published already
"""


class BundleError(Exception):
    """The base of all errors about bundles; its text is a whole sentence for a person."""


class InvalidBundle(BundleError):
    """The folder is not a bundle: no manifest, an unreadable one, or files that differ from it."""


class UnknownBundle(BundleError):
    """The store holds no bundle of that name and version."""


class VersionExists(BundleError):
    """A published version is never overwritten."""
