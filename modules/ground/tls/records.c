/* SPDX-License-Identifier: Apache-2.0 */
/* Lends connections the rooms in which mbedTLS makes and reads records. */
#include <string.h>

#include "tls/internal.h"

/*
 * mbedTLS allocates two rooms for each connection, of 16 kB, or of 4 kB where the client has
 * agreed to small records. Most connections of a hub are watches on which nothing is said for
 * minutes. So when all that came has been read, and all that was made was sent, the rooms go
 * back to those that connections share; what mbedTLS keeps in them meanwhile, the sequence
 * numbers before a record, is kept beside.
 */

/* Every pointer into a room. */
#define IN_PLACES(ssl)                                                                             \
    {                                                                                              \
        &(ssl)->MBEDTLS_PRIVATE(in_ctr), &(ssl)->MBEDTLS_PRIVATE(in_hdr),                          \
            &(ssl)->MBEDTLS_PRIVATE(in_len), &(ssl)->MBEDTLS_PRIVATE(in_iv),                       \
            &(ssl)->MBEDTLS_PRIVATE(in_msg)                                                        \
    }
#define OUT_PLACES(ssl)                                                                            \
    {                                                                                              \
        &(ssl)->MBEDTLS_PRIVATE(out_ctr), &(ssl)->MBEDTLS_PRIVATE(out_hdr),                        \
            &(ssl)->MBEDTLS_PRIVATE(out_len), &(ssl)->MBEDTLS_PRIVATE(out_iv),                     \
            &(ssl)->MBEDTLS_PRIVATE(out_msg)                                                       \
    }
#define PLACES 5

/* The pointers are of the room at `from`; they become those of the one at `to`. One of them is
   NULL: a pointer without a room is a distance. */
static void move_places(unsigned char **const places[PLACES], const unsigned char *from,
                        unsigned char *to)
{
    for (size_t i = 0; i < PLACES; i++)
        *places[i] = (unsigned char *)((uintptr_t)*places[i] - (uintptr_t)from + (uintptr_t)to);
}

static unsigned char *take_room(struct tls_setup *setup, size_t len)
{
    for (size_t i = 0; i < TLS_SPARE_ROOMS; i++)
        if (setup->spare[i].bytes && setup->spare[i].len == len)
            return take(setup->spare[i].bytes);
    return pki_lend(len); /* mbedtls_ssl_free() may free it */
}

/* What one connection has said is not left to the next one. Rooms are of a few lengths, and the
   ones that came last are likely to be wanted next. */
static void give_room(struct tls_setup *setup, unsigned char *bytes, size_t len)
{
    struct tls_room *place = &setup->spare[setup->next_spare++ % TLS_SPARE_ROOMS];

    explicit_bzero(bytes, len);
    for (size_t i = 0; i < TLS_SPARE_ROOMS && place->bytes; i++)
        if (!setup->spare[i].bytes)
            place = &setup->spare[i];
    pki_take_back(place->bytes);
    *place = (struct tls_room){bytes, len};
}

void tls_rooms_free(struct tls_setup *setup)
{
    for (size_t i = 0; i < TLS_SPARE_ROOMS; i++)
        pki_take_back(setup->spare[i].bytes);
}

/* Nothing of a record, nor of a message of several, is in either room. */
static bool are_rooms_empty(const mbedtls_ssl_context *ssl)
{
    return ssl->MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_HANDSHAKE_OVER &&
           !ssl->MBEDTLS_PRIVATE(in_left) && !ssl->MBEDTLS_PRIVATE(in_offt) &&
           !ssl->MBEDTLS_PRIVATE(in_msglen) && !ssl->MBEDTLS_PRIVATE(in_hslen) &&
           !ssl->MBEDTLS_PRIVATE(keep_current_message) && !ssl->MBEDTLS_PRIVATE(out_left);
}

void tls_rooms_give_up(struct tls_stream *t)
{
    mbedtls_ssl_context *ssl = &t->ssl;
    unsigned char **const in[PLACES] = IN_PLACES(ssl), **const out[PLACES] = OUT_PLACES(ssl);
    unsigned char *in_room = ssl->MBEDTLS_PRIVATE(in_buf),
                  *out_room = ssl->MBEDTLS_PRIVATE(out_buf);

    if (t->roomless || !in_room || !out_room || !are_rooms_empty(ssl))
        return;
    memcpy(t->in_start, in_room, TLS_RECORD_START);
    memcpy(t->out_start, out_room, TLS_RECORD_START);
    move_places(in, in_room, NULL);
    move_places(out, out_room, NULL);
    ssl->MBEDTLS_PRIVATE(in_buf) = ssl->MBEDTLS_PRIVATE(out_buf) = NULL;
    give_room(t->setup, in_room, ssl->MBEDTLS_PRIVATE(in_buf_len));
    give_room(t->setup, out_room, ssl->MBEDTLS_PRIVATE(out_buf_len));
    t->roomless = true;
}

void tls_rooms_take(struct tls_stream *t)
{
    mbedtls_ssl_context *ssl = &t->ssl;
    unsigned char **const in[PLACES] = IN_PLACES(ssl), **const out[PLACES] = OUT_PLACES(ssl);

    if (!t->roomless)
        return;
    ssl->MBEDTLS_PRIVATE(in_buf) = take_room(t->setup, ssl->MBEDTLS_PRIVATE(in_buf_len));
    ssl->MBEDTLS_PRIVATE(out_buf) = take_room(t->setup, ssl->MBEDTLS_PRIVATE(out_buf_len));
    memcpy(ssl->MBEDTLS_PRIVATE(in_buf), t->in_start, TLS_RECORD_START);
    memcpy(ssl->MBEDTLS_PRIVATE(out_buf), t->out_start, TLS_RECORD_START);
    move_places(in, NULL, ssl->MBEDTLS_PRIVATE(in_buf));
    move_places(out, NULL, ssl->MBEDTLS_PRIVATE(out_buf));
    t->roomless = false;
}
