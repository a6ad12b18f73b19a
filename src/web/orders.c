/* The words of a page, read. See page.h. */
#include <string.h>

#include "sim/text.h"
#include "web/page.h"

static enum page_result refuse(struct buffer *answer, const char *why, struct slice words)
{
    text_append(answer, "%b: %s", words, why);
    return PAGE_REFUSED;
}

/* Takes the word at the front, and the spaces behind it. */
static struct slice take_word(struct slice *words)
{
    size_t size = 0;
    while (size < words->size && words->data[size] != ' ') size++;
    struct slice word = slice_of(words->data, size);
    while (size < words->size && words->data[size] == ' ') size++;
    words->data += size;
    words->size -= size;
    return word;
}

/* --- opening --- */

static uint64_t *setting_named(struct steer_setting *setting, struct slice name)
{
    struct {
        const char *name;
        uint64_t *at;
    } rows[] = {
        {"latency-min", &setting->latency_us_min},
        {"latency-max", &setting->latency_us_max},
        {"sync", &setting->sync_us_max},
        {"heartbeat", &setting->heartbeat_us},
        {"election", &setting->election_timeout_us},
        {"patience", &setting->patience_us},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (slice_equal(name, slice_text(rows[i].name))) return rows[i].at;
    }
    return NULL;
}

static bool read_option(struct steer_setting *setting, struct slice word)
{
    size_t name = 0;
    while (name < word.size && word.data[name] != '=') name++;
    uint64_t *at = setting_named(setting, slice_of(word.data, name));
    if (at == NULL || name == word.size) return false;
    return decimal_read(slice_of(word.data + name + 1, word.size - name - 1), at) && *at > 0 &&
           *at <= PAGE_SETTING_US_MAX;
}

enum page_result page_open(struct steered *steered, struct slice system, uint64_t seed,
                           uint32_t nodes, struct slice options, struct buffer *answer)
{
    const struct sim_system *found = sim_system_by_name(system);
    struct steer_setting setting = steer_setting_default;
    if (found == NULL || found->hand == NULL) {
        return refuse(answer, "there is no such system, or none that one can ask by hand", system);
    }
    if (nodes != 1 && nodes != 3 && nodes != 5) {
        return refuse(answer, "a world has 1, 3 or 5 nodes", system);
    }
    while (options.size > 0) {
        struct slice word = take_word(&options);
        if (!read_option(&setting, word)) {
            return refuse(answer, "is no option, or not with this number", word);
        }
    }
    if (setting.latency_us_min > setting.latency_us_max) {
        return refuse(answer, "latency-min is above latency-max", system);
    }
    steer_open(steered, found, seed, nodes, &setting);
    return PAGE_DONE;
}

/* --- orders --- */

typedef const char *node_order(struct steered *steered, uint32_t node);

static node_order *order_named(struct slice verb)
{
    static const struct {
        const char *verb;
        node_order *order;
    } rows[] = {
        {"kill", steer_kill},     {"restart", steer_restart}, {"pause", steer_pause},
        {"resume", steer_resume}, {"cut", steer_cut_off},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (slice_equal(verb, slice_text(rows[i].verb))) return rows[i].order;
    }
    return NULL;
}

static bool read_node(const struct steered *steered, struct slice *words, uint32_t *node)
{
    uint64_t number;
    if (!decimal_read(take_word(words), &number)) return false;
    if (number < 1 || number > steered->world->hosts_count) return false;
    *node = (uint32_t)number;
    return true;
}

static const char *ask(struct steered *steered, uint32_t node, struct slice verb, struct slice rest)
{
    struct buffer words = {0};
    text_append(&words, rest.size > 0 ? "%b %b" : "%b", verb, rest);
    const char *why = steer_ask(steered, node, buffer_slice(&words));
    buffer_free(&words);
    return why;
}

static const char *carry_out(struct steered *steered, struct slice order)
{
    uint32_t node, other;
    struct slice verb = take_word(&order);
    if (steered->report.failed) return "the run has ended: a judge found something wrong";
    if (slice_equal(verb, slice_text("heal")) && order.size == 0) return steer_heal(steered);
    if (!read_node(steered, &order, &node)) return "it names no node that there is";
    node_order *known = order_named(verb);
    if (known == NULL) return ask(steered, node, verb, order);
    if (order.size == 0) return known(steered, node);
    if (known != steer_cut_off || !read_node(steered, &order, &other) || order.size > 0) {
        return "it says more than it can";
    }
    return steer_cut(steered, node, other);
}

enum page_result page_do(struct steered *steered, struct slice order, struct buffer *answer)
{
    const char *why = carry_out(steered, order);
    return why == NULL ? PAGE_DONE : refuse(answer, why, order);
}

int page_until(struct steered *steered, struct slice goal, struct buffer *answer)
{
    static const char *const goals[] = {
        [STEER_TIME] = "time",     [STEER_EVENT] = "event",   [STEER_NEWS] = "news",
        [STEER_LEADER] = "leader", [STEER_ANSWER] = "answer", [STEER_CALM] = "calm",
    };
    struct slice rest = goal;
    struct slice word = take_word(&rest);
    uint64_t until_us;
    for (size_t i = 0; i < sizeof goals / sizeof goals[0]; i++) {
        if (!slice_equal(word, slice_text(goals[i])) || !decimal_read(rest, &until_us)) continue;
        return (int)steer_until(steered, (enum steer_goal)i, until_us);
    }
    refuse(answer, "it is no goal with a time in microseconds", goal);
    return -1;
}
