/* The texts behind the atoms of a history that was read from a file: equal texts, equal atoms. */
#ifndef QUARTET_CHECK_HISTORY_TEXTS_H
#define QUARTET_CHECK_HISTORY_TEXTS_H

#include <stdint.h>

#include "base/bytes.h"

struct history_texts;

struct history_texts *history_texts_new(void);
void history_texts_free(struct history_texts *texts); /* NULL is fine */
/* The atom of this text; the text is copied. */
uint64_t history_atom(struct history_texts *texts, struct slice text);
/* Borrowed until the next history_atom(). */
struct slice history_text(const struct history_texts *texts, uint64_t atom);

#endif
