/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a gRPC health check as HTTP/2 frames and reads the answer. */

#include "probe/grpc_check.h"

#include <stdint.h>
#include <string.h>

enum frame {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_RESET = 3,
    FRAME_SETTINGS = 4,
    FRAME_GOAWAY = 7
};
enum flag { FLAG_END_STREAM = 0x1, FLAG_ACK = 0x1, FLAG_END_HEADERS = 0x4, FLAG_PADDED = 0x8 };
#define FRAME_HEAD ((size_t)9)
#define MESSAGE_HEAD ((size_t)5)
#define MESSAGE_MOST ((size_t)64)

static void add_frame(struct text *out, enum frame type, unsigned flags, uint32_t stream,
                      const struct text *body)
{
    size_t len = body ? body->len : 0;
    const unsigned char head[FRAME_HEAD] = {
        (unsigned char)(len >> 16),
        (unsigned char)(len >> 8),
        (unsigned char)len,
        (unsigned char)type,
        (unsigned char)flags,
        0,
        0,
        0,
        (unsigned char)stream,
    };

    text_add_bytes(out, head, sizeof head);
    if (len)
        text_add_bytes(out, body->bytes, len);
}

/* Strings shorter than 127 bytes, without Huffman coding (RFC 7541, 5.2). */
static void add_string(struct text *out, const char *string)
{
    size_t len = strlen(string) < 126 ? strlen(string) : 126;

    text_add_char(out, (char)len);
    text_add_bytes(out, string, len);
}

static void write_headers(struct text *out, const char *authority)
{
    text_add_bytes(out, "\x83\x86", 2); /* :method POST, :scheme http */
    text_add_char(out, 0x04);           /* :path */
    add_string(out, "/grpc.health.v1.Health/Check");
    text_add_char(out, 0x01); /* :authority */
    add_string(out, authority);
    text_add_bytes(out, "\x0f\x10", 2); /* content-type */
    add_string(out, "application/grpc");
    text_add_char(out, 0x00);
    add_string(out, "te");
    add_string(out, "trailers");
    text_add_bytes(out, "\x0f\x2b", 2); /* user-agent */
    add_string(out, "axle-probe");
}

void probe_grpc_request(struct text *out, const char *authority, const char *service)
{
    scoped_text struct text headers = {0};
    scoped_text struct text message = {0};
    size_t len = strlen(service) < 100 ? strlen(service) : 100;
    const char head[MESSAGE_HEAD] = {0, 0, 0, 0, (char)(len ? len + 2 : 0)};

    write_headers(&headers, authority);
    text_add_bytes(&message, head, sizeof head);
    if (len) {
        text_add_char(&message, 0x0a); /* field 1, a string */
        text_add_char(&message, (char)len);
        text_add_bytes(&message, service, len);
    }
    text_add(out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    add_frame(out, FRAME_SETTINGS, 0, 0, NULL);
    add_frame(out, FRAME_HEADERS, FLAG_END_HEADERS, 1, &headers);
    add_frame(out, FRAME_DATA, FLAG_END_STREAM, 1, &message);
}

void probe_grpc_acknowledge(struct text *out)
{
    add_frame(out, FRAME_SETTINGS, FLAG_ACK, 0, NULL);
}

/* ---- The answer --------------------------------------------------------------------- */

struct got {
    enum frame type;
    unsigned flags;
    uint32_t stream;
    const unsigned char *body;
    size_t len;
};

/* False: the next frame is not there whole. */
static bool next_frame(const unsigned char *bytes, size_t len, size_t *at, struct got *ret)
{
    const unsigned char *head = bytes + *at;
    size_t size;

    if (len - *at < FRAME_HEAD)
        return false;
    size = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
    if (len - *at - FRAME_HEAD < size)
        return false;
    *ret = (struct got){.type = (enum frame)head[3],
                        .flags = head[4],
                        .stream = (uint32_t)(head[5] & 0x7f) << 24 | (uint32_t)head[6] << 16 |
                                  (uint32_t)head[7] << 8 | head[8],
                        .body = head + FRAME_HEAD,
                        .len = size};
    *at += FRAME_HEAD + size;
    return true;
}

bool probe_grpc_has_settings(const void *bytes, size_t len)
{
    struct got frame;
    size_t at = 0;

    while (next_frame(bytes, len, &at, &frame))
        if (frame.type == FRAME_SETTINGS && !(frame.flags & FLAG_ACK))
            return true;
    return false;
}

static void remove_padding(struct got *frame)
{
    size_t pad;

    if (!(frame->flags & FLAG_PADDED) || !frame->len)
        return;
    pad = frame->body[0];
    frame->body++;
    frame->len--;
    frame->len -= pad < frame->len ? pad : frame->len;
}

/* HealthCheckResponse: field 1 is the status; nothing at all is status 0. */
static enum probe_grpc judge_status(const unsigned char *message, size_t len, const char **ret_why)
{
    static const char *const words[] = {"status UNKNOWN", "SERVING", "status NOT_SERVING",
                                        "status SERVICE_UNKNOWN"};
    size_t status = len >= 2 && message[0] == 0x08 ? message[1] : 0;

    *ret_why = status < count_of(words) ? words[status] : "an unknown status";
    return status == 1 ? PROBE_GRPC_GOOD : PROBE_GRPC_BAD;
}

static enum probe_grpc fail_check(const char *why, const char **ret_why)
{
    *ret_why = why;
    return PROBE_GRPC_BAD;
}

enum probe_grpc probe_grpc_read(const void *bytes, size_t len, const char **ret_why)
{
    unsigned char message[MESSAGE_MOST];
    struct got frame;
    size_t at = 0, have = 0, whole;

    if (len >= 4 && !memcmp(bytes, "HTTP", 4))
        return fail_check("the response is HTTP/1, not gRPC", ret_why);
    while (next_frame(bytes, len, &at, &frame)) {
        if (frame.type == FRAME_GOAWAY)
            return fail_check("the server closed the connection (GOAWAY)", ret_why);
        if (frame.stream != 1)
            continue;
        if (frame.type == FRAME_RESET)
            return fail_check("the server refused the call (RST_STREAM)", ret_why);
        if (frame.type == FRAME_DATA) {
            remove_padding(&frame);
            whole = frame.len < MESSAGE_MOST - have ? frame.len : MESSAGE_MOST - have;
            memcpy(message + have, frame.body, whole);
            have += whole;
            if (have >= MESSAGE_HEAD) {
                whole = MESSAGE_HEAD + message[4];
                if (message[0] || message[1] || message[2] || message[3] || whole > MESSAGE_MOST)
                    return fail_check("the response is not a HealthCheckResponse", ret_why);
                if (have >= whole)
                    return judge_status(message + MESSAGE_HEAD, whole - MESSAGE_HEAD, ret_why);
            }
        }
        if (frame.flags & FLAG_END_STREAM &&
            (frame.type == FRAME_DATA || frame.type == FRAME_HEADERS))
            return fail_check("the server does not know this service, or no grpc.health.v1",
                              ret_why);
    }
    return PROBE_GRPC_MORE;
}
