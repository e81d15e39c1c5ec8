#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What was met: any method was taken on /livez, answers could be kept by caches
# and guessed at, and the hub answered by whatever name a page had given it. Now
# each route has its methods, every answer says that it is not to be kept, and
# another name, another page's wish, or a path that reads in two ways is refused.
# limit: 120
. "$(dirname "$0")/lib.sh"

start_hub --tls-san hub.example
port=${SERVER##*:}
NS=/api/v1/namespaces

# answers CODE WORDS METHOD PATH [CURL ARGUMENT…]: the head is kept in $TEST_DIR/head.
answers() {
    local code=$1 words=$2 got
    shift 2
    got=$(request "$@" --path-as-is -D "$TEST_DIR/head" -o "$TEST_DIR/answer" -w '%{http_code}' || true)
    [ "$got" = "$code" ] || fail "$* is answered $got, not $code: $(cat "$TEST_DIR/answer")"
    grep -qF -- "$words" "$TEST_DIR/head" "$TEST_DIR/answer" || fail "$*: nothing of \"$words\" in $(cat "$TEST_DIR/head" "$TEST_DIR/answer")"
}

for path in /livez /readyz /healthz /metrics /openid/v1/jwks /.well-known/openid-configuration /console/ / /version /openapi/v3 /api /apis /apis/axle.dev/v1alpha1; do
    for method in POST PUT PATCH DELETE OPTIONS; do
        answers 405 'Allow: GET, HEAD' $method $path
    done
    for method in TRACE FROB PROPFIND; do answers 501 'not implemented' $method $path; done
done
answers 405 'Allow: GET, HEAD, POST' OPTIONS $NS

# Every answer, refusals too, is for whoever asked and for nobody else.
for path in /livez /api/v1/secrets /api/v1/namespaces/nope /nowhere /v2/ /v2/x/y/tags/list '/api/v1/secrets?limit=x' /a//b; do
    request GET "$path" --path-as-is -D "$TEST_DIR/head" -o /dev/null
    grep -qi '^cache-control: no-store' "$TEST_DIR/head" || fail "$path may be kept: $(cat "$TEST_DIR/head")"
    [ "$(grep -ci '^x-content-type-options: nosniff' "$TEST_DIR/head")" = 1 ] || fail "$path may be guessed at"
    ! grep -qi '^access-control' "$TEST_DIR/head" || fail "$path is open to other pages"
done
answers 200 "frame-ancestors 'none'" GET /console/
! grep -q unsafe "$TEST_DIR/head" || fail 'the console may run what is not its own'
for word in 'Referrer-Policy: no-referrer' 'Cross-Origin-Opener-Policy: same-origin' 'Cross-Origin-Resource-Policy: same-origin'; do
    grep -qF "$word" "$TEST_DIR/head" || fail "the console does not say $word"
done

# By its own names, whatever the port, and by no other.
for host in localhost LOCALHOST:1 127.0.0.1 '[::1]:99' '[0:0:0:0:0:0:0:1]' hub.example hub.example. "$(hostname)"; do
    answers 200 ok GET /livez -H "Host: $host"
done
for host in evil.example 169.254.169.254 hub.example.evil.example xhub.example; do
    answers 421 "--tls-san ${host}" GET /livez -H "Host: $host"
    answers 421 "--tls-san ${host}" GET /api/v1/secrets -H "Host: $host"
    answers 421 "--tls-san ${host}" GET /console/ -H "Host: $host"
done
answers 400 host GET /livez -H 'Host: a b'
answers 400 host GET /livez -H 'Host:' --http1.0 --no-alpn
answers 421 evil.example GET /livez --request-target "https://evil.example:$port/livez" -H "Host: evil.example:$port"
answers 400 'Host header' GET /livez --request-target "https://evil.example/livez"

# A page of another site changes nothing, and one of another port is one.
body='{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"from-a-page"}}'
for said in 'Origin: https://evil.example' 'Origin: null' "Origin: https://127.0.0.1:1$port" "Origin: http://127.0.0.1:$port" \
    'Sec-Fetch-Site: cross-site' 'Sec-Fetch-Site: same-site'; do
    answers 403 page POST $NS -H "$said" -H 'Content-Type: application/json' -d "$body"
done
answers 404 '' GET $NS/from-a-page
answers 201 '' POST $NS -H "Origin: https://127.0.0.1:$port" -H 'Sec-Fetch-Site: same-origin' -H 'Content-Type: application/json' -d "$body"

# What is authorised is what is served: a path and a query read in one way.
for path in /api/v1/namespaces/default%2fsecrets/x /api/v1/namespaces/x/../default /api/v1/namespaces/%2e%2e/secrets /api//v1/secrets \
    /livez%00 /livez%0a /api/v1/namespaces/%ff "$NS?watch=false&watch=true" "$NS?fieldSelector=metadata.name=a&fieldSelector=metadata.name=b" \
    "$NS?limit=1&%6cimit=2" '/console/..%2f..%2fetc/passwd' "$NS/default%5csecrets"; do
    answers 400 '' GET "$path"
done
answers 200 '' GET '/api/v1/n%61mespaces/default'
many=$(printf '&x%d=y' {1..200})
answers 400 'more than 128' GET "$NS?a=b$many"
answers 431 '' GET "/livez?$(head -c 70000 /dev/zero | tr '\0' x)"
cookies=()
for n in {1..80}; do cookies+=(-H "X-$n: y"); done
answers 431 '' GET /livez "${cookies[@]}"
