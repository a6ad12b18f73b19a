/* The beanstalkd protocol, from its 1.13 document and the behaviour of its server: what the files
 * of this protocol share. The node sees only beanstalk_ops.
 *
 *   beanstalk.c  framing: the bytes of a connection to lines and job bodies
 *   command.c    one command line to a command
 *   reply.c      the machine's replies, and refusals, to text
 *
 * Corners kept as beanstalkd has them, because its clients have met them:
 *  - a line ends at CR LF; a bare LF is an ordinary byte, and so is a CR without LF behind it;
 *  - a line beyond BEANSTALK_LINE_SIZE_MAX is discarded up to its CR LF: one BAD_FORMAT;
 *  - a zero byte in a line: BAD_FORMAT, whatever the command;
 *  - numbers may have spaces before them (no sign, no tab) and nothing behind the last; beyond
 *    their type's range: BAD_FORMAT;
 *  - `reserve-with-timeout` and `kick` read theirs as C's strtol() and strtoul(): white space and
 *    a sign may lead, what follows is ignored, an unreadable timeout is 0 (an unreadable bound is
 *    BAD_FORMAT), a negative timeout waits without end, a negative bound kicks everything;
 *  - commands that take nothing (reserve, stats, list-tubes...) answer BAD_FORMAT to anything
 *    behind their word, `quit` ignores it; `pause-tube` needs no space behind its word;
 *  - a job too big is swallowed with its CR LF, then JOB_TOO_BIG; one without CR LF at its end
 *    has its size + 2 bytes consumed, then EXPECTED_CRLF; a `put` line that is BAD_FORMAT has no
 *    body: what follows it is read as commands.
 *
 * Not kept: beanstalkd never finds the end of a line with a lone CR in it, nor of a long line
 * whose CR LF straddles one of its reads; and it cuts a timeout or bound beyond 32 bits to its low
 * bits, where we wait without end and kick everything. And it carries out what stands in the body
 * of an HTTP request, which any web page can have a browser send to a port of its machine: a line
 * that begins with `POST ` or `Host:` ends the connection here. */
#ifndef QUARTET_SYSTEMS_QUEUE_PROTOCOL_BEANSTALK_H
#define QUARTET_SYSTEMS_QUEUE_PROTOCOL_BEANSTALK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "systems/queue/machine/queue.h"
#include "contract/protocol.h"

extern const struct protocol_ops beanstalk_ops;

enum {
    /* With CR LF. The longest command is `pause-tube`, 200 bytes of name, 10 of number. */
    BEANSTALK_LINE_SIZE_MAX = 224,
    /* Buffers of a connection beyond this are given back once their request is done. */
    BEANSTALK_BUFFER_KEEP_MAX = 4096,
};

enum beanstalk_line {
    BEANSTALK_LINE_COMMAND, /* *command is complete */
    BEANSTALK_LINE_PUT,     /* *command lacks its body, *body_size bytes and CR LF that follow */
    BEANSTALK_LINE_TOO_BIG, /* a put beyond the limit: *body_size bytes and CR LF to swallow */
    BEANSTALK_LINE_BAD_FORMAT,
    BEANSTALK_LINE_UNKNOWN,
    BEANSTALK_LINE_QUIT,
};

/* Reads one line, given without its CR LF. command->tube borrows from it. A time-to-run of 0 and a
 * pause of 0 are passed on as they are: the machine gives them their meaning. */
enum beanstalk_line beanstalk_line_read(struct slice line, uint32_t body_size_max,
                                        struct queue_command *command, uint32_t *body_size);

/* protocol_ops.answer and .refuse. A token is the command's enum queue_op. Refusals: a put hears
 * DRAINING when there is no leader or the node drains, the other commands INTERNAL_ERROR; full or
 * busy is OUT_OF_MEMORY for all, the one error whose meaning is "try again later". */
void beanstalk_answer(void *connection, uint64_t token, const void *payload, struct buffer *out);
void beanstalk_refuse(void *connection, uint64_t token, enum protocol_refusal why,
                      struct buffer *out);

/* protocol_ops.admin and .admin_reply: admin.c. */
enum protocol_request_kind beanstalk_admin(struct slice path, struct slice query, bool post,
                                           struct buffer *command, unsigned *status);
void beanstalk_admin_reply(const void *payload, struct buffer *body, unsigned *status);

#endif
