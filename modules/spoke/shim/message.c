/* SPDX-License-Identifier: Apache-2.0 */
/* Carries messages of any length from the agent to a shim. */

#include "shim/shim.h"

#include "base/text.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACKET ((size_t)64 * 1024)
/* An object of the hub's has at most 1.5 MiB; escapes make it longer. */
#define MESSAGE_MOST ((size_t)8 * 1024 * 1024)

union control {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static int send_file(int socket, int file)
{
    char mark = '@';
    struct iovec part = {&mark, 1};
    union control control = {0};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);

    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof file);
    memcpy(CMSG_DATA(head), &file, sizeof file);
    return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -1 : 0;
}

int shim_message_send(int socket, const char *bytes, size_t len)
{
    int file, result = -1;

    if (len <= PACKET)
        return send(socket, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -1 : 0;
    file = memfd_create("message", MFD_CLOEXEC);
    if (file < 0)
        return -1;
    if (write(file, bytes, len) == (ssize_t)len)
        result = send_file(socket, file);
    close(file);
    return result;
}

static ssize_t read_memory_file(int file, struct text *ret)
{
    char bytes[4096];
    ssize_t got, total = 0;

    while ((got = pread(file, bytes, sizeof bytes, total)) > 0 && (size_t)total < MESSAGE_MOST) {
        text_add_bytes(ret, bytes, (size_t)got);
        total += got;
    }
    close(file);
    return total;
}

ssize_t shim_message_receive(int socket, struct text *ret)
{
    char bytes[PACKET];
    struct iovec part = {bytes, sizeof bytes};
    union control control = {0};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *head = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    int file;

    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
        head->cmsg_len == CMSG_LEN(sizeof file)) {
        memcpy(&file, CMSG_DATA(head), sizeof file);
        return read_memory_file(file, ret);
    }
    if (got > 0)
        text_add_bytes(ret, bytes, (size_t)got);
    return got;
}
