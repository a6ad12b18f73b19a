/* Lines for the operator, and nobody who reads them. Each test speaks in a process of its own,
 * whose stderr is a small pipe. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/say.h"

enum { LINES = 20000 }; /* beyond the ring and any pipe */

/* Runs `speak` there; the reading end of its stderr. */
static int child(void (*speak)(void), pid_t *pid)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    *pid = fork();
    assert_true(*pid >= 0);
    if (*pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        speak();
        _exit(7);
    }
    close(ends[1]);
    return ends[0];
}

static void ended_well(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

static void speak_two(void)
{
    say_as_node(3);
    say_apart();
    say_line("one");
    say_lines(slice_text("two\nthree\n"));
    say_flush();
}

static void what_was_said_is_there_when_the_process_ends(void **state)
{
    (void)state;
    pid_t pid;
    int fd = child(speak_two, &pid);
    ended_well(pid);
    FILE *file = fdopen(fd, "r");
    static const char *const said[] = {"node 3: one\n", "node 3: two\n", "node 3: three\n"};
    char line[SAY_LINE_SIZE_MAX];
    for (int i = 0; i < 3; i++) {
        assert_non_null(fgets(line, sizeof line, file));
        assert_non_null(strstr(line, said[i]));
    }
    assert_null(fgets(line, sizeof line, file));
    fclose(file);
}

static void speak_much(void)
{
    say_apart();
    for (int i = 0; i < LINES; i++) say_line("line %d", i);
    if (say_dropped() == 0) _exit(8);
}

/* The child ends though not one byte is read before. */
static void nobody_who_reads_holds_it_up(void **state)
{
    (void)state;
    pid_t pid;
    int fd = child(speak_much, &pid);
    ended_well(pid);
    close(fd);
}

/* Until its parent has seen that all was said, and begins to read. */
static void speak_wait_and_go_on(void)
{
    speak_much();
    raise(SIGSTOP);
    say_flush();
    say_line("again");
    say_flush();
}

/* Those that came are whole and in order, and what is missing is told between them. */
static void what_was_dropped_is_told(void **state)
{
    (void)state;
    pid_t pid;
    int fd = child(speak_wait_and_go_on, &pid);
    int status;
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    kill(pid, SIGCONT);
    FILE *file = fdopen(fd, "r");
    char line[SAY_LINE_SIZE_MAX];
    unsigned long missing = 0, came = 0;
    long last = -1;
    while (fgets(line, sizeof line, file) != NULL) {
        long number;
        const char *text = strchr(line, ' ') + 1;
        if (sscanf(text, "line %ld\n", &number) == 1) {
            assert_true(number > last);
            last = number;
            came++;
        } else {
            unsigned long here = 0;
            if (sscanf(text, "%lu lines are missing here", &here) == 1) missing += here;
        }
    }
    ended_well(pid);
    assert_true(missing > 0);
    assert_int_equal(came + missing, LINES);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_said_is_there_when_the_process_ends),
        cmocka_unit_test(nobody_who_reads_holds_it_up),
        cmocka_unit_test(what_was_dropped_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
