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

struct wire {
    int fd;
    struct tls_asker *tls; /* NULL: in the clear */
};

static bool send_all(const struct wire *wire, struct slice bytes)
{
    while (bytes.size > 0) {
        ssize_t done = wire->tls != NULL ? tls_asker_write(wire->tls, bytes.data, bytes.size)
                                         : send(wire->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
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
static bool receive(const struct wire *wire, struct buffer *response)
{
    size_t wanted = SIZE_MAX;
    while (response->size < wanted) {
        uint8_t *room = buffer_reserve(response, 16384);
        ssize_t size = wire->tls != NULL ? tls_asker_read(wire->tls, room, 16384 - 1)
                                         : recv(wire->fd, room, 16384 - 1, 0);
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

static const char *parse_address(const char *text, const struct option_spec *option)
{
    return address_parse(text, strlen(text), option->target) ? NULL : ADDRESS_EXPECTED;
}

void http_client_options(struct http_client_node *node, const char *whose,
                         struct option_spec items[HTTP_CLIENT_OPTIONS])
{
    static char help[80];
    snprintf(help, sizeof help, "%s admin port (127.0.0.1:9000)", whose);
    *node = (struct http_client_node){0};
    address_parse("127.0.0.1:9000", 14, &node->admin);
    const struct option_spec rows[HTTP_CLIENT_OPTIONS] = {
        {"admin", "HOST:PORT", help, parse_address, &node->admin, 0, 0, 0},
        {"tls-ca", "FILE", "ask by TLS: who must have signed the node's certificate",
         option_parse_text, &node->tls.ca, 0, 0, 0},
        {"tls-cert", "FILE", "with a certificate of one's own (--tls-client-ca of the node)",
         option_parse_text, &node->tls.cert, 0, 0, 0},
        {"tls-key", "FILE", "the key that belongs to it", option_parse_text, &node->tls.key, 0, 0,
         0},
    };
    memcpy(items, rows, sizeof rows);
}

int http_client_check(const struct http_client_node *node, const char *command)
{
    const struct tls_asker_files *tls = &node->tls;
    bool half = (tls->cert == NULL) != (tls->key == NULL);
    if (!half && (tls->cert == NULL || tls->ca != NULL)) return 0;
    return options_mistake(command, tls->cert != NULL ? "tls-cert" : "tls-key",
                           "goes with --tls-%s FILE, and with --tls-ca FILE",
                           tls->cert != NULL ? "key" : "cert");
}

static void write_request(struct buffer *out, const struct wire *wire,
                          const struct address *address, const char *method, const char *target)
{
    buffer_append_text(out, method);
    buffer_append_text(out, " ");
    buffer_append_text(out, target);
    buffer_append_text(out, " HTTP/1.1\r\nHost: ");
    append_host(out, wire->fd, address);
    buffer_append_text(out, "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}

static int exchange(const struct wire *wire, const struct http_client_node *node,
                    struct slice request, struct buffer *body, char *error, size_t error_size)
{
    struct buffer response = {0};
    int status = -1;
    if (!send_all(wire, request) || !receive(wire, &response)) {
        snprintf(error, error_size, "%s:%s does not answer: %s", node->admin.host, node->admin.port,
                 strerror(errno));
    } else {
        status = read_response(&response, body);
        if (status < 0) {
            snprintf(error, error_size, "%s:%s does not speak HTTP: is it the admin port%s?",
                     node->admin.host, node->admin.port,
                     node->tls.ca == NULL ? ", and without TLS (--tls-ca)" : "");
        }
    }
    buffer_free(&response);
    return status;
}

int http_client_request(const struct http_client_node *node, const char *method, const char *target,
                        struct buffer *body, char *error, size_t error_size)
{
    const struct tls_asker_files *tls = &node->tls;
    struct wire wire = {
        .fd = address_connect(&node->admin, HTTP_CLIENT_TIMEOUT_MS, error, error_size)};
    if (wire.fd < 0) return -1;
    if (strcmp(method, "POST") == 0) {
        struct timeval wait = {.tv_sec = HTTP_CLIENT_CHANGE_MS / 1000};
        (void)setsockopt(wire.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    }
    if (tls->ca != NULL) wire.tls = tls_ask(tls, wire.fd, node->admin.host, error, error_size);
    int status = -1;
    if (tls->ca == NULL || wire.tls != NULL) {
        struct buffer request = {0};
        write_request(&request, &wire, &node->admin, method, target);
        status = exchange(&wire, node, buffer_slice(&request), body, error, error_size);
        buffer_free(&request);
    }
    tls_asker_free(wire.tls);
    close(wire.fd);
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
