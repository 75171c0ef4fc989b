# A hub behind Varnish 6 or later: varnishd -f /etc/varnish/jisr.vcl -a :80 -s malloc,1g
# Change one thing: where the hub is. A test starts Varnish with this file, and kills the hub behind it.
#
# Varnish keeps what readers have asked for, in its gzip form, and hands it out for a week after the hub has gone. After an
# erasure: varnishadm "ban req.url ~ ^/feeds/"
vcl 4.1;

import std;

backend hub {
    .host = "127.0.0.1";
    .port = "8470";
    .first_byte_timeout = 75s; # readers may wait 55 seconds for the next head
    .probe = {
        .url = "/healthz";
        .interval = 2s;
        .timeout = 2s;
        .window = 3;
        .threshold = 2;
    }
}

sub vcl_recv {
    if (req.restarts > 0) {
        # the hub did not answer: whatever is here, however old
        set req.url = regsub(req.url, "\?.*$", "");
        set req.hash_always_miss = false;
        set req.grace = 7d;
        return (hash);
    }
    set req.http.X-Forwarded-For = client.ip; # who asks: quotas for strangers, and /metrics for this machine only
    if (req.method != "GET" && req.method != "HEAD") {
        return (pass);
    }
    if (req.http.Authorization) {
        return (pass);
    }
    if (req.url ~ "^/feeds/[^?]*head\.json\?") {
        if (req.url ~ "[?&]after=") {
            return (pass); # a reader that waits for the next head
        }
        set req.url = regsub(req.url, "\?.*$", "");
        set req.hash_always_miss = true; # a reader that goes around caches
    }
    if (std.healthy(req.backend_hint)) {
        set req.grace = 0s; # what is too old is fetched first
    }
    if (req.url ~ "^/(feeds/|keys\.json|\.well-known/)") {
        return (hash);
    }
    return (pass); # the directory and all calls
}

sub vcl_backend_response {
    if (beresp.status == 200 && beresp.http.Cache-Control ~ "public" && bereq.url !~ "/rec/") {
        set beresp.grace = 7d;
        return (deliver);
    }
    set beresp.uncacheable = true; # errors, and what is for one reader alone
    set beresp.ttl = 1s;
    return (deliver);
}

sub vcl_deliver {
    if (resp.status == 503 && req.restarts == 0 && (req.method == "GET" || req.method == "HEAD") && req.url ~ "^/(feeds/|keys\.json|\.well-known/)") {
        return (restart);
    }
}
