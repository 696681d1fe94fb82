"""Where everything stands: the one module that joins paths.

    docker/registry/v2/
      blobs/<algorithm>/<first two digits>/<hex>/data
      repositories/<name>/
        _layers/<algorithm>/<hex>/link                     the repository has this blob
        _manifests/revisions/<algorithm>/<hex>/link        the repository has this manifest
        _manifests/tags/<tag>/current/link                 what the tag names now
        _manifests/tags/<tag>/index/<algorithm>/<hex>/link what it has named
        _uploads/<id>/data, startedat                      an upload session
        _uploads/<id>/_digest, _takeover                   ours: what is known of its bytes; somebody wants it
        _referrers/<algorithm>/<hex>/<algorithm>-<hex>     ours: a manifest whose subject is the first digest
        _referrers/_scanned                                ours: since when the folder above is complete

      _txregistry/                                         ours
        trash/<path below v2>                              what is removed but not yet gone
        marks/<algorithm>-<two digits>/<number>            digests that a collection found in use
        collection/                                        locked by whoever collects
        servers/                                           locked while nobody may begin to serve
        servers/<id>/                                      locked by a server while it serves
        adopted                                            this store may be collected
        quarantine/<time>/<path below v2>                  what a repair put aside; nothing reads it
        tokens/<id>                                        an access token for machines: its hash and what it may
        tokenkeys/<id>                                     a key of the built-in token server
        scrub/                                             locked by whoever scrubs
        scrub/plan                                         how far the scrub is, or when the next is due

This is Distribution's layout, byte for byte. A `link` holds the digest as text, without a newline. Its walks skip
every folder that begins with `_`, so what is ours alone does not disturb it.
"""

from __future__ import annotations

from collections.abc import Iterable

from txregistry.oci.digest import HEX_LENGTHS, Digest
from txregistry.oci.names import RepositoryName, Tag, UploadId

_ROOT = "docker/registry/v2/"
BLOBS = "docker/registry/v2/blobs"
REPOSITORIES = "docker/registry/v2/repositories"
TRASH = "docker/registry/v2/_txregistry/trash"
MARKS = "docker/registry/v2/_txregistry/marks"
COLLECTION = "docker/registry/v2/_txregistry/collection"
SERVERS = "docker/registry/v2/_txregistry/servers"
ADOPTED = "docker/registry/v2/_txregistry/adopted"
QUARANTINE = "docker/registry/v2/_txregistry/quarantine"
TOKENS = "docker/registry/v2/_txregistry/tokens"
TOKEN_KEYS = "docker/registry/v2/_txregistry/tokenkeys"
SCRUB = "docker/registry/v2/_txregistry/scrub"
SCRUB_PLAN = "docker/registry/v2/_txregistry/scrub/plan"

# A folder that holds one of these is a repository; registry:2 looks for the first, registry:3 for the second.
LAYERS_FOLDER = "_layers"
MANIFESTS_FOLDER = "_manifests"
REPOSITORY_MARKS = frozenset({LAYERS_FOLDER, MANIFESTS_FOLDER})
UPLOADS_FOLDER = "_uploads"
# All that such a folder, and the one of its manifests, may hold.
REPOSITORY_FOLDERS = (LAYERS_FOLDER, MANIFESTS_FOLDER, UPLOADS_FOLDER, "_referrers")
MANIFEST_FOLDERS = ("revisions", "tags")


def blob_data(digest: Digest) -> str:
    """The content that the digest addresses."""
    return f"{BLOBS}/{digest.algorithm}/{digest.hex[:2]}/{digest.hex}/data"


def blobs_data(digests: Iterable[Digest]) -> list[str]:
    """The same of many, from the folder of all blobs on."""
    return [f"{digest.algorithm}/{digest.hex[:2]}/{digest.hex}/data" for digest in digests]


def repository(name: RepositoryName) -> str:
    """The folder of one repository."""
    return f"{REPOSITORIES}/{name.text}"


def layer_link(name: RepositoryName, digest: Digest) -> str:
    """Says that the repository has the blob."""
    return f"{REPOSITORIES}/{name.text}/_layers/{digest.algorithm}/{digest.hex}/link"


def all_layers(name: RepositoryName) -> str:
    """The folder of a repository's blobs."""
    return f"{REPOSITORIES}/{name.text}/{LAYERS_FOLDER}"


def layers(name: RepositoryName, algorithm: str) -> str:
    """The folder of a repository's blobs by one algorithm."""
    return f"{REPOSITORIES}/{name.text}/_layers/{algorithm}"


def layer(name: RepositoryName, digest: Digest) -> str:
    """The folder of that link."""
    return f"{REPOSITORIES}/{name.text}/_layers/{digest.algorithm}/{digest.hex}"


def manifests(name: RepositoryName) -> str:
    """The folder of a repository's manifests and tags."""
    return f"{REPOSITORIES}/{name.text}/_manifests"


def all_revisions(name: RepositoryName) -> str:
    """The folder of a repository's manifests."""
    return f"{REPOSITORIES}/{name.text}/_manifests/revisions"


def revisions(name: RepositoryName, algorithm: str) -> str:
    """The folder of a repository's manifests by one algorithm."""
    return f"{REPOSITORIES}/{name.text}/_manifests/revisions/{algorithm}"


def revision(name: RepositoryName, digest: Digest) -> str:
    """The folder of one manifest."""
    return f"{REPOSITORIES}/{name.text}/_manifests/revisions/{digest.algorithm}/{digest.hex}"


def revision_link(name: RepositoryName, digest: Digest) -> str:
    """Says that the repository has the manifest."""
    return f"{REPOSITORIES}/{name.text}/_manifests/revisions/{digest.algorithm}/{digest.hex}/link"


def revision_links(digests: Iterable[Digest]) -> list[str]:
    """The same of many, from the folder of a repository's manifests on."""
    return [f"{digest.algorithm}/{digest.hex}/link" for digest in digests]


def tags(name: RepositoryName) -> str:
    """The folder of a repository's tags."""
    return f"{REPOSITORIES}/{name.text}/_manifests/tags"


def tag(name: RepositoryName, tag: Tag) -> str:
    """The folder of one tag."""
    return f"{REPOSITORIES}/{name.text}/_manifests/tags/{tag.text}"


def tag_current(name: RepositoryName, tag: Tag) -> str:
    """Names the manifest that the tag stands for."""
    return f"{REPOSITORIES}/{name.text}/_manifests/tags/{tag.text}/current/link"


def tags_current(names: Iterable[str]) -> list[str]:
    """The same of many by their names, from the folder of a repository's tags on."""
    return [f"{name}/current/link" for name in names]


def tag_history(name: RepositoryName, tag: Tag, digest: Digest) -> str:
    """Names a manifest that the tag has stood for."""
    return f"{REPOSITORIES}/{name.text}/_manifests/tags/{tag.text}/index/{digest.algorithm}/{digest.hex}/link"


def uploads(name: RepositoryName) -> str:
    """The folder of a repository's upload sessions."""
    return f"{REPOSITORIES}/{name.text}/_uploads"


def upload(name: RepositoryName, upload: UploadId) -> str:
    """The folder of one upload session."""
    return f"{REPOSITORIES}/{name.text}/_uploads/{upload.text}"


def upload_data(name: RepositoryName, upload: UploadId) -> str:
    """The bytes that have come."""
    return f"{REPOSITORIES}/{name.text}/_uploads/{upload.text}/data"


def upload_started(name: RepositoryName, upload: UploadId) -> str:
    """When the session began, as RFC 3339."""
    return f"{REPOSITORIES}/{name.text}/_uploads/{upload.text}/startedat"


def upload_digest(name: RepositoryName, upload: UploadId) -> str:
    """The digest of the bytes that have come, so that they need not be read again."""
    return f"{REPOSITORIES}/{name.text}/_uploads/{upload.text}/_digest"


def upload_takeover(name: RepositoryName, upload: UploadId) -> str:
    """Somebody else wants to go on with this session."""
    return f"{REPOSITORIES}/{name.text}/_uploads/{upload.text}/_takeover"


def referrers(name: RepositoryName, subject: Digest) -> str:
    """The folder of the manifests that have this subject."""
    return f"{REPOSITORIES}/{name.text}/_referrers/{subject.algorithm}/{subject.hex}"


def referrer(name: RepositoryName, subject: Digest, digest: Digest) -> str:
    """One of them: its descriptor."""
    return f"{referrers(name, subject)}/{digest.algorithm}-{digest.hex}"


def referrers_scanned(name: RepositoryName) -> str:
    """Since when every manifest with a subject has its file there."""
    return f"{REPOSITORIES}/{name.text}/_referrers/_scanned"


def all_referrers(name: RepositoryName) -> str:
    """The folder of a repository's referrers."""
    return f"{REPOSITORIES}/{name.text}/_referrers"


def repository_folders(name: RepositoryName) -> tuple[str, ...]:
    """The folders inside of a repository's that hold no names of their own, the innermost first."""
    algorithms = tuple(HEX_LENGTHS)
    return (
        *(layers(name, algorithm) for algorithm in algorithms),
        f"{REPOSITORIES}/{name.text}/{LAYERS_FOLDER}",
        *(revisions(name, algorithm) for algorithm in algorithms),
        f"{REPOSITORIES}/{name.text}/{MANIFESTS_FOLDER}/revisions",
        tags(name),
        manifests(name),
        uploads(name),
    )


def server(text: str) -> str:
    """The folder that a server locks while it serves, by the id that it has made up."""
    return f"{SERVERS}/{text}"


def trashed(path: str) -> str:
    """Where a file that had this path waits."""
    return f"{TRASH}/{path.removeprefix(_ROOT)}"


def quarantined(stamp: str, path: str) -> str:
    """Where a repair that began at this time puts what had this path."""
    return f"{QUARANTINE}/{stamp}/{path.removeprefix(_ROOT)}"
