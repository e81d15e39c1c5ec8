/* SPDX-License-Identifier: Apache-2.0 */
/* A proxy's URL and answer: any bytes end in a status, in words, or in more to come. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "http/http.h"
#include "tls/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len + 1);
    struct tls_proxy proxy;
    struct err err = {0};
    size_t used = 0;
    int status;

    memcpy(text, bytes, len);
    text[len] = '\0';
    status = tls_tunnel_status(text, len, &used);
    if (status > 0 && (used < 4 || used > len || status > 599))
        abort();
    if (tls_proxy_read(text, &proxy, &err) == 0 && !strchr(proxy.address, ':'))
        abort();
    (void)!http_proxy_choose("http://p", text, "hub.example.org:6443");
    (void)!http_proxy_choose("http://p", text, "[fd00::1]:6443");
    free(text);
    return 0;
}
