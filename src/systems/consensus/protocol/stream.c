/* A watch over HTTP. See stream.h. */
#include "systems/consensus/protocol/stream.h"

#include "systems/consensus/protocol/response.h"

static void begin(struct stream *stream, struct buffer *out)
{
    struct http_response response = {
        .status = 200,
        .content_type = "application/json",
        .keep_alive = true,
    };
    stream->http = http_stream_begin(&response, stream->is_1_0, out);
}

static void write(struct stream *stream, struct buffer *text, struct buffer *out)
{
    http_stream_write(&stream->http, buffer_slice(text), out);
    buffer_free(text);
    stream->spoke = true;
}

static void push_event(struct stream *stream, const struct consensus_news *news,
                       const struct protocol_facts *facts, struct buffer *out)
{
    struct buffer text = {0};
    gateway_write_event(news, stream->request.id, !stream->within, facts, &text);
    stream->within = true;
    write(stream, &text, out);
}

static void push_stands(struct stream *stream, int64_t until, struct buffer *out)
{
    stream->until = until;
    if (!stream->within) return;
    struct buffer text = {0};
    gateway_end_events(&text);
    stream->within = false;
    write(stream, &text, out);
}

void stream_push(struct stream *stream, const struct consensus_news *news,
                 const struct protocol_facts *facts, struct buffer *out)
{
    if (news->kind == CONSENSUS_NEWS_EVENT) {
        push_event(stream, news, facts, out);
        return;
    }
    if (news->kind == CONSENSUS_NEWS_STANDS) {
        push_stands(stream, news->until, out);
        return;
    }
    bool first = news->kind != CONSENSUS_NEWS_COMPACTED;
    if (first) begin(stream, out);
    stream->torn = stream->within;
    stream->until = 0;
    if (!first || news->kind == CONSENSUS_NEWS_NOTHING) {
        stream->request.notify = stream->request.progress = false;
    }
    if (stream->torn) return;
    struct buffer text = {0};
    gateway_write_news(news, stream->request.id, facts, &text);
    write(stream, &text, out);
}

static void progress(struct stream *stream, int64_t id, const struct protocol_facts *facts,
                     struct buffer *out)
{
    struct buffer text = {0};
    gateway_write_progress(stream->until, id, facts, &text);
    write(stream, &text, out);
}

uint64_t stream_turn(struct stream *stream, uint64_t now_us, const struct protocol_facts *facts,
                     struct buffer *out)
{
    if (stream->torn) return PROTOCOL_TURN_CLOSE;
    bool stands = stream->until != 0 && !stream->within;
    if (stream->request.progress && stands) {
        stream->request.progress = false;
        progress(stream, -1, facts, out);
    }
    if (!stream->request.notify) return UINT64_MAX;
    if (stream->spoke || stream->silent_us == 0) stream->silent_us = now_us;
    stream->spoke = false;
    uint64_t due_us = stream->silent_us + STREAM_PROGRESS_US;
    if (now_us < due_us || !stands) return due_us > now_us ? due_us : UINT64_MAX;
    progress(stream, stream->request.id, facts, out);
    stream->spoke = false;
    stream->silent_us = now_us;
    return now_us + STREAM_PROGRESS_US;
}
