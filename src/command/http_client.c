/* The HTTP client: see http_client.h. It asks for the connection to be closed and takes everything
 * up to then as the body, so it needs no framing. */
#include "command/http_client.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL /* macOS: the request is small, and the other side has just accepted */
#define MSG_NOSIGNAL 0
#endif

static bool send_all(int fd, struct slice bytes)
{
    while (bytes.size > 0) {
        ssize_t done = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        bytes.data += done;
        bytes.size -= (size_t)done;
    }
    return true;
}

/* The declared length of the body, or SIZE_MAX: up to the end of the connection. */
static size_t content_length(const char *head, const char *end)
{
    static const char name[] = "\r\ncontent-length:";
    for (const char *at = head; at + sizeof name - 1 < end; at++) {
        if (strncasecmp(at, name, sizeof name - 1) == 0) {
            return (size_t)strtoull(at + sizeof name - 1, NULL, 10);
        }
    }
    return SIZE_MAX;
}

/* The whole response, or what came before the connection ended. */
static bool receive(int fd, struct buffer *response)
{
    size_t wanted = SIZE_MAX;
    while (response->size < wanted) {
        uint8_t *room = buffer_reserve(response, 16384);
        ssize_t size = recv(fd, room, 16384 - 1, 0);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return false;
        if (size == 0) return true;
        buffer_grew(response, (size_t)size);
        if (response->size > HTTP_CLIENT_RESPONSE_MAX) return false;
        if (wanted != SIZE_MAX) continue;
        char *text = (char *)response->data + response->head;
        text[response->size] = '\0'; /* room was left for it */
        char *end = strstr(text, "\r\n\r\n");
        size_t body = end != NULL ? content_length(text, end) : SIZE_MAX;
        if (body != SIZE_MAX) wanted = (size_t)(end + 4 - text) + body;
    }
    return true;
}

static int read_response(struct buffer *response, struct buffer *body)
{
    uint8_t *end = buffer_reserve(response, 1);
    *end = '\0';
    const char *text = (const char *)response->data + response->head;
    int status;
    if (sscanf(text, "HTTP/1.%*d %d", &status) != 1) return -1;
    const char *blank = strstr(text, "\r\n\r\n");
    if (blank == NULL) return -1;
    size_t head = (size_t)(blank + 4 - text);
    buffer_append(body, text + head, response->size - head);
    return status;
}

/* The address that was reached, not the name: a node answers only to names that it knows, for the
 * sake of browsers (node/admin/access.h), and whoever types one here has made up their mind. */
static void append_host(struct buffer *request, int fd, const struct address *address)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];
    bool known = getpeername(fd, (struct sockaddr *)&peer, &size) == 0 &&
                 getnameinfo((struct sockaddr *)&peer, size, host, sizeof host, port, sizeof port,
                             NI_NUMERICHOST | NI_NUMERICSERV) == 0;
    bool brackets = known && strchr(host, ':') != NULL;
    if (known) host[strcspn(host, "%")] = '\0'; /* the scope is of this machine */
    if (brackets) buffer_append_text(request, "[");
    buffer_append_text(request, known ? host : address->host);
    if (brackets) buffer_append_text(request, "]");
    buffer_append_text(request, ":");
    buffer_append_text(request, known ? port : address->port);
}

int http_client_request(const struct address *address, const char *method, const char *target,
                        struct buffer *body, char *error, size_t error_size)
{
    int fd = address_connect(address, HTTP_CLIENT_TIMEOUT_MS, error, error_size);
    if (fd < 0) return -1;
    if (strcmp(method, "POST") == 0) {
        struct timeval wait = {.tv_sec = HTTP_CLIENT_CHANGE_MS / 1000};
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    }
    struct buffer request = {0};
    struct buffer response = {0};
    buffer_append_text(&request, method);
    buffer_append_text(&request, " ");
    buffer_append_text(&request, target);
    buffer_append_text(&request, " HTTP/1.1\r\nHost: ");
    append_host(&request, fd, address);
    buffer_append_text(&request, "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    int status = -1;
    if (!send_all(fd, buffer_slice(&request)) || !receive(fd, &response)) {
        snprintf(error, error_size, "%s:%s does not answer: %s", address->host, address->port,
                 strerror(errno));
    } else {
        status = read_response(&response, body);
        if (status < 0) {
            snprintf(error, error_size, "%s:%s does not speak HTTP: is it the admin port?",
                     address->host, address->port);
        }
    }
    close(fd);
    buffer_free(&request);
    buffer_free(&response);
    return status;
}

void http_client_append_escaped(struct buffer *out, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";
    for (; *text != '\0'; text++) {
        if (strchr(plain, *text) != NULL) {
            buffer_append(out, text, 1);
        } else {
            buffer_append_text(out, "%");
            buffer_append_hex(out, (uint8_t)*text, 2);
        }
    }
}
