/* Assertions that stay on in release.
 *
 * ASSERT guards what this program itself must keep true. What a peer, a client or a disk supplied
 * is rejected with an error instead; it never reaches an assertion. */
#ifndef QUARTET_BASE_ASSERT_H
#define QUARTET_BASE_ASSERT_H

/* Supplied by the world (server, simulator, test): reports and never returns. It is the one way
 * out of the pure core. */
__attribute__((noreturn)) void base_panic(const char *file, int line, const char *what);

#define ASSERT(condition) \
    (__builtin_expect(!!(condition), 1) ? (void)0 : base_panic(__FILE__, __LINE__, #condition))

#endif
