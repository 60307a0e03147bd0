package doctor

import "slices"

// An Advice is what to write into the configuration of one product.
type Advice struct {
	Proxy string `json:"proxy"`
	Text  string `json:"text"`
}

// A topic is something that a proxy does wrong.
type topic int

const (
	buffering topic = iota
	compression
	idling
	oldUpstream
	lastEventID
	queries
	headers
	posts
	hangUps
	multiplexing
	origins
	unreachable
)

// manual is what to do about each topic with each product.
var manual = map[topic]map[proxy]string{
	buffering: {
		nginx:      "proxy_buffering off;   # and no proxy_ignore_headers X-Accel-Buffering",
		haproxy:    "no http-response wait-for-body, and no filter that needs the whole answer; option http-no-delay",
		caddy:      "no response_buffers in reverse_proxy (buffer_responses before 2.7); text/event-stream is passed on at once by itself",
		apache:     "no RATE_LIMIT and no SecResponseBodyAccess for this location; by itself it passes on what it gets",
		alb:        "does not buffer, except for targets that are Lambda functions: use instances, IPs or containers",
		cloudflare: "Rules > Configuration Rules: response buffering off for this path (it is off unless an Enterprise zone turned it on)",
	},
	compression: {
		nginx:      "gzip off;   # and brotli off; in the location of the streams",
		haproxy:    "leave text/event-stream out of compression type, or make the frontend keep Cache-Control: no-transform",
		caddy:      "@page not path */events\nencode @page gzip",
		apache:     `SetEnvIfNoCase Request_URI "/events$" no-gzip no-brotli`,
		alb:        "does not compress: look at what stands before or behind it",
		cloudflare: "Rules > Compression Rules: media type text/event-stream, disable compression; and keep Cache-Control: no-transform",
	},
	idling: {
		nginx:      "proxy_read_timeout 1h;   # more than notifier's --heartbeat at least",
		haproxy:    "timeout server 1h   and   timeout client 1h   (timeout tunnel is for WebSockets)",
		caddy:      "no transport http { read_timeout … }, and no write timeout in servers { timeouts { … } }",
		apache:     "ProxyPass … timeout=3600   # or ProxyTimeout 3600",
		alb:        "aws elbv2 modify-load-balancer-attributes --load-balancer-arn … --attributes Key=idle_timeout.timeout_seconds,Value=120",
		cloudflare: "ends what is silent for 100 s and longer: notifier's --heartbeat must stay below",
	},
	oldUpstream: {
		nginx:   `proxy_http_version 1.1; proxy_set_header Connection "";`,
		haproxy: "speaks HTTP/1.1 by itself: no option httpclose",
		caddy:   "reverse_proxy … { transport http { versions 1.1 } }",
		apache:  "no SetEnv force-proxy-request-1.0, no proxy-nokeepalive",
		alb:     "target group: protocol version HTTP1",
	},
	lastEventID: {
		nginx:      `no proxy_set_header Last-Event-ID "…"; and no proxy_pass_request_headers off;`,
		haproxy:    "no http-request del-header Last-Event-ID",
		caddy:      "reverse_proxy … without header_up -Last-Event-ID",
		apache:     "no RequestHeader unset Last-Event-ID",
		alb:        "passes it on: look at what stands before or behind it",
		cloudflare: "Rules > Transform Rules: none that removes Last-Event-ID",
	},
	queries: {
		nginx:      "proxy_pass with variables needs the query: proxy_pass http://upstream$uri$is_args$args;",
		haproxy:    "no http-request set-uri or set-query that drops it",
		caddy:      "rewrite to a path without a ? keeps the query",
		apache:     "RewriteRule with the flag QSA, never QSD",
		alb:        "redirect and rewrite rules: keep #{query}",
		cloudflare: "Rules > Transform Rules: preserve the query string",
	},
	headers: {
		nginx:      "no add_header, proxy_hide_header or charset for this location",
		haproxy:    "no http-response set-header, add-header or del-header for this path",
		caddy:      "no header directive for this path",
		apache:     "no Header set, AddDefaultCharset or ExpiresByType for this location",
		alb:        "does not change it: look at what stands before or behind it",
		cloudflare: "Rules: no Transform Rule for this header; Cache Rules: bypass cache for this path",
	},
	posts: {
		nginx:      "client_max_body_size 16m;   # and no limit_except GET; proxy_pass for …/api too",
		haproxy:    "no http-request deny for the method POST; a use_backend for …/api too",
		caddy:      "reverse_proxy for …/api too; request_body { max_size 16MB }",
		apache:     "ProxyPass for …/api too; no <LimitExcept GET>; LimitRequestBody 16777216",
		alb:        "a listener rule for …/api too, and no condition on the method",
		cloudflare: "Security > WAF: skip for …/api",
	},
	hangUps: {
		nginx:      "proxy_ignore_client_abort off;   # which is the default",
		haproxy:    "tells it at the next write: a shorter --heartbeat of notifier",
		caddy:      "no flush_interval -1: with it the server is not told that a client has gone",
		apache:     "tells it at the next write: a shorter --heartbeat of notifier",
		alb:        "tells it by itself: look at what stands before or behind it",
		cloudflare: "tells it by itself: look at what stands behind it",
	},
	multiplexing: {
		nginx:      "listen 443 ssl http2;   # from nginx 1.25.1 on: listen 443 ssl; http2 on;",
		haproxy:    "bind :443 ssl crt … alpn h2,http/1.1",
		caddy:      "speaks HTTP/2 over TLS by itself",
		apache:     "Protocols h2 http/1.1   # with mod_http2, and mpm_event",
		alb:        "an HTTPS listener, with routing.http2.enabled as it comes",
		cloudflare: "Speed > Settings: HTTP/2 on, as it comes",
	},
	origins: {
		nginx:      "no add_header Access-Control-Allow-Origin: notifier sends it (--allow-origin)",
		haproxy:    "no http-response add-header Access-Control-Allow-Origin: notifier sends it (--allow-origin)",
		caddy:      "no header Access-Control-Allow-Origin: notifier sends it (--allow-origin)",
		apache:     "no Header set Access-Control-Allow-Origin: notifier sends it (--allow-origin)",
		alb:        "no CORS attributes of the listener: notifier sends them (--allow-origin)",
		cloudflare: "no Transform Rule for Access-Control-Allow-Origin: notifier sends it (--allow-origin)",
	},
	unreachable: {
		nginx:      "proxy_pass http://127.0.0.1:4001;   # the address that notifier listens on; see error_log",
		haproxy:    "server notifier 127.0.0.1:4001   # the address that notifier listens on",
		caddy:      "reverse_proxy 127.0.0.1:4001   # the address that notifier listens on",
		apache:     "ProxyPass /ws/ http://127.0.0.1:4001/ws/   # the address that notifier listens on",
		alb:        "target group: port, security group, health check /readyz",
		cloudflare: "DNS and SSL/TLS mode: the origin must be reachable",
	},
}

// adviceOn is the advice for the proxies that have shown themselves, or, if none
// has, for all.
func (e *exam) adviceOn(about topic) (all []Advice) {
	for _, p := range products {
		text, ok := manual[about][p]
		if ok && (len(e.proxies) == 0 || slices.Contains(e.proxies, p)) {
			all = append(all, Advice{string(p), text})
		}
	}
	return all
}
