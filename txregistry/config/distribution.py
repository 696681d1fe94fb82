"""The part of Distribution's configuration that the model has no option for."""

from __future__ import annotations

from attrs import evolve

from txregistry.config.shapes import ANYTHING, VALUE, Shape, listed, mapped, not_yet, values

# Drivers of Distribution 2.8 and 3 that are not here yet.
DRIVERS_NOT_HERE = ("azure", "gcs", "oss", "s3", "s3aws", "swift")
# What else stands beside the driver.
BESIDE_THE_DRIVER = ("cache", "delete", "maintenance", "redirect", "tag")

_LOG = values(
    "",
    reportcaller=not_yet(VALUE),
    hooks=not_yet(
        listed(
            evolve(
                values(
                    "disabled type",
                    levels=listed(),
                    options=values("from", smtp=values("addr username password insecure"), to=listed()),
                ),
                spellings={"mailoptions": "options"},
            )
        )
    ),
)

_STORAGE = Shape(
    keys={
        "cache": not_yet(values("blobdescriptor layerinfo blobdescriptorsize")),
        # No driver here sends clients elsewhere, so both values are honoured already.
        "redirect": values("disable"),
        "tag": not_yet(values("concurrencylimit")),
    },
    # Any other key names a driver; the section's reader says what is wrong with it.
    other=ANYTHING,
    short=True,
)

_HTTP = values(
    "",
    debug=not_yet(values("addr", prometheus=values("enabled path"))),
    http2=not_yet(values("disabled")),
    h2c=not_yet(values("enabled")),
    tls=values("", letsencrypt=values("cachefile email directoryurl", hosts=listed())),
)

_NOTIFICATIONS = evolve(
    values(
        "",
        events=values("includereferences"),
        endpoints=listed(
            values(
                "name disabled url timeout threshold backoff",
                headers=mapped(listed()),
                ignoredmediatypes=listed(),
                ignore=values("", mediatypes=listed(), actions=listed()),
            )
        ),
    ),
    spellings={"eventconfig": "events"},
)

_HEALTH = evolve(
    values(
        "",
        storagedriver=values("enabled interval threshold"),
        file=listed(values("file interval threshold")),
        http=listed(values("uri statuscode timeout interval threshold", headers=mapped(listed()))),
        tcp=listed(values("addr timeout interval threshold")),
    ),
    spellings={"filecheckers": "file", "httpcheckers": "http", "tcpcheckers": "tcp"},
)

# Both shapes of the section, 2.8's and 3's.
_REDIS = values(
    "addr clientname connmaxidletime connmaxlifetime contexttimeoutenabled db dialtimeout disableidentity "
    "identitysuffix mastername maxactiveconns maxidleconns maxredirects maxretries maxretrybackoff minidleconns "
    "minretrybackoff password poolfifo poolsize pooltimeout protocol readonly readtimeout routebylatency "
    "routerandomly sentinelpassword sentinelusername unstableresp3 username writetimeout",
    addrs=listed(),
    pool=values("maxidle maxactive idletimeout"),
    tls=values("enabled certificate key", rootcas=listed()),
)

REST = values(
    # Superseded by log.level; see `document.modernised`.
    "loglevel",
    log=_LOG,
    storage=_STORAGE,
    http=_HTTP,
    notifications=not_yet(_NOTIFICATIONS),
    health=not_yet(_HEALTH),
    redis=not_yet(_REDIS),
    reporting=not_yet(
        values("", bugsnag=values("apikey releasestage endpoint"), newrelic=values("licensekey name verbose"))
    ),
    compatibility=not_yet(
        values("", schema1=evolve(values("enabled signingkeyfile"), spellings={"trustkey": "signingkeyfile"}))
    ),
    validation=values("enabled"),
    # Any other key is no way to sign in; the section's reader says so.
    auth=Shape(other=ANYTHING, short=True),
    # Whether these are set is for `closed` to see: they end the start.
    middleware=mapped(listed(values("name disabled", options=ANYTHING))),
    proxy=values("remoteurl username password ttl cachewritetimeout", exec=values("command lifetime")),
    policy=values("", repository=values("", classes=listed())),
)
