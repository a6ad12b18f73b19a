/* Pages for people, which whoever runs the node hands over. A page may load and reach nothing but
 * the nodes of this cluster (Content-Security-Policy). */
#include "systems/chat/protocol/internal.h"

/* The caller frees it; it ends with a zero. */
static struct buffer policy_of(const struct chat_protocol_options *options)
{
    struct buffer policy = {0};
    buffer_append_text(&policy, "default-src 'none'; script-src 'self'; style-src 'self'; "
                                "img-src data:; connect-src 'self'");
    for (uint32_t i = 0; i < options->endpoints_count; i++) {
        /* "http://..." to "ws://..." */
        buffer_append_text(&policy, " ws");
        buffer_append_text(&policy, options->endpoints[i] + 4);
    }
    buffer_append_text(&policy, "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
                                "require-trusted-types-for 'script'; trusted-types 'none'");
    buffer_append(&policy, "", 1);
    return policy;
}

bool page_serve(struct chat_connection *connection, const struct http_request *request)
{
    const struct chat_protocol_options *options = connection->options;
    const struct chat_page *found = options == NULL ? NULL : options->pages;
    while (found != NULL && found->path != NULL && !http_path_is(request, found->path)) found++;
    if (found == NULL || found->path == NULL) return false;
    struct buffer policy = policy_of(options), out = {0};
    const struct http_response_field fields[] = {
        {"Content-Security-Policy", (const char *)buffer_slice(&policy).data},
        {"Referrer-Policy", "no-referrer"},
    };
    struct http_static page = http_static_of(found->content_type, slice_text(found->text));
    page.fields = fields;
    page.fields_count = sizeof fields / sizeof *fields;
    http_static_write(&page, request, &out);
    request_say(connection, buffer_slice(&out), !request->keep_alive);
    buffer_free(&policy);
    buffer_free(&out);
    return true;
}
