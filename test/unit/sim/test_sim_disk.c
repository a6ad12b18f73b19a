/* The simulated disk: what is synced stays, what is not is old or new by sectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "node/disk/wal.h"
#include "sim/disk.h"

enum { SEGMENT = 8192 };

static void write_fill(struct disk *disk, uint64_t segment, uint64_t offset, uint8_t byte,
                       size_t size, uint64_t sequence)
{
    uint8_t bytes[SEGMENT];
    memset(bytes, byte, size);
    assert_true(sim_disk_write(disk, segment, offset, slice_of(bytes, size), sequence));
}

static void synced_writes_survive_a_power_loss(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct random random = random_seeded(seed);
        struct disk disk;
        sim_disk_init(&disk, SEGMENT);
        write_fill(&disk, 1, 100, 'a', 2000, 1);
        sim_disk_sync_begin(&disk);
        write_fill(&disk, 1, 2100, 'b', 2000, 2); /* during the sync: not covered by it */
        assert_int_equal(sim_disk_sync_end(&disk), 1);
        assert_true(sim_disk_dirty(&disk));
        sim_disk_power_lost(&disk, &random);
        assert_int_equal(disk.files_count, 1);
        for (size_t i = 100; i < 2100; i++) assert_int_equal(disk.files[0].cached[i], 'a');
        sim_disk_free(&disk);
    }
}

/* Each sector is the image after some write; over many seeds all kinds of outcome are seen. */
static void a_power_loss_leaves_each_sector_old_or_new(void **state)
{
    (void)state;
    bool all = false, none = false, hole = false;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct random random = random_seeded(seed);
        struct disk disk;
        sim_disk_init(&disk, SEGMENT);
        write_fill(&disk, 1, 0, 'o', SEGMENT, 1);
        sim_disk_sync_begin(&disk);
        sim_disk_sync_end(&disk);
        write_fill(&disk, 1, 512, 'n', 4 * 512, 2);
        sim_disk_power_lost(&disk, &random);
        uint32_t new_sectors = 0, gaps = 0;
        for (size_t sector = 0; sector < SEGMENT / 512; sector++) {
            const uint8_t *at = disk.files[0].cached + sector * 512;
            for (size_t i = 1; i < 512; i++) assert_int_equal(at[i], at[0]);
            assert_true(at[0] == 'o' || (at[0] == 'n' && sector >= 1 && sector <= 4));
            if (at[0] != 'n') continue;
            new_sectors++;
            gaps += sector > 1 && at[-1] == 'o';
        }
        all |= new_sectors == 4;
        none |= new_sectors == 0;
        hole |= gaps > 0;
        sim_disk_free(&disk);
    }
    assert_true(all && none && hole);
}

static void a_sector_written_twice_may_keep_the_first(void **state)
{
    (void)state;
    bool seen[3] = {false, false, false};
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct random random = random_seeded(seed);
        struct disk disk;
        sim_disk_init(&disk, SEGMENT);
        write_fill(&disk, 1, 0, '0', 512, 1);
        sim_disk_sync_begin(&disk);
        sim_disk_sync_end(&disk);
        write_fill(&disk, 1, 0, '1', 512, 2);
        write_fill(&disk, 1, 0, '2', 512, 3);
        sim_disk_power_lost(&disk, &random);
        seen[disk.files[0].cached[0] - '0'] = true;
        sim_disk_free(&disk);
    }
    assert_true(seen[0] && seen[1] && seen[2]);
}

static void a_process_crash_loses_nothing_until_the_power_goes_too(void **state)
{
    (void)state;
    bool kept = false, lost = false;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct random random = random_seeded(seed);
        struct disk disk;
        sim_disk_init(&disk, SEGMENT);
        write_fill(&disk, 1, 0, 'x', 700, 1);
        sim_disk_process_lost(&disk, &random);
        for (size_t i = 0; i < 700; i++) assert_int_equal(disk.files[0].cached[i], 'x');
        assert_false(sim_disk_dirty(&disk));
        sim_disk_power_lost(&disk, &random);
        bool all = disk.files_count == 1 && disk.files[0].cached[699] == 'x';
        kept |= all;
        lost |= !all;
        sim_disk_free(&disk);
    }
    assert_true(kept && lost);
}

static void a_file_that_was_never_synced_may_be_gone_and_a_trimmed_one_back(void **state)
{
    (void)state;
    bool gone = false, back = false;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct random random = random_seeded(seed);
        struct disk disk;
        sim_disk_init(&disk, SEGMENT);
        write_fill(&disk, 1, 0, 'a', 600, 1);
        write_fill(&disk, 2, 0, 'b', 600, 2);
        sim_disk_sync_begin(&disk);
        sim_disk_sync_end(&disk);
        write_fill(&disk, 3, 0, 'c', 600, 3);
        sim_disk_trim(&disk, 2);
        assert_int_equal(disk.files[0].number, 2);
        sim_disk_power_lost(&disk, &random);
        back |= disk.files[0].number == 1;
        gone |= disk.files[disk.files_count - 1].number == 2;
        /* Without gaps, and never less than what was synced and kept. */
        for (uint32_t i = 1; i < disk.files_count; i++) {
            assert_int_equal(disk.files[i].number, disk.files[i - 1].number + 1);
        }
        assert_true(disk.files[0].number <= 2 && disk.files[disk.files_count - 1].number >= 2);
        sim_disk_free(&disk);
    }
    assert_true(gone && back);
}

static void a_write_to_a_trimmed_segment_is_noticed(void **state)
{
    (void)state;
    struct disk disk;
    sim_disk_init(&disk, SEGMENT);
    write_fill(&disk, 1, 0, 'a', 10, 1);
    write_fill(&disk, 2, 0, 'b', 10, 2);
    sim_disk_trim(&disk, 2);
    assert_false(sim_disk_write(&disk, 1, 10, slice_of("x", 1), 3));
    sim_disk_free(&disk);
}

/* A segment of batches, each durable and named so by the next. */
static void log_write(struct disk *disk, uint32_t batches)
{
    struct wal wal;
    wal_init(&wal, SEGMENT, 1);
    for (uint32_t i = 0; i < batches; i++) {
        struct raft_entry entry = {.index = i + 1, .term = 1, .kind = 16, .version = 1};
        entry.data = slice_text("what a client was promised");
        struct action write;
        wal_put_entry(&wal, 0, &entry);
        wal_flush(&wal, &write);
        assert_true(sim_disk_write(disk, write.segment, write.offset, write.bytes, write.sequence));
        sim_disk_sync_begin(disk);
        wal.durable = sim_disk_sync_end(disk);
        wal_flushed(&wal);
    }
    wal_free(&wal);
}

static enum wal_verdict log_verdict(const struct disk *disk)
{
    struct segment_image image = {1, slice_of(disk->files[0].durable, disk->files[0].size)};
    struct wal_recovered recovered;
    wal_recover(&image, 1, &(struct wal_owner){0}, &recovered);
    wal_recovered_free(&recovered);
    return recovered.verdict;
}

static void a_write_is_only_lost_where_others_witness_it(void **state)
{
    (void)state;
    uint32_t lost = 0, kept = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct random random = random_seeded(seed);
        struct disk disk;
        sim_disk_init(&disk, SEGMENT);
        log_write(&disk, 1 + (uint32_t)(seed % 8));
        struct disk_place place = sim_disk_lose_write(&disk, &random, false);
        for (uint64_t i = 0; i < place.size; i++) {
            assert_int_equal(disk.files[0].durable[place.offset + i], 0);
            assert_int_equal(disk.files[0].cached[place.offset + i], 0);
        }
        assert_int_equal(log_verdict(&disk), place.size == 0 ? WAL_CLEAN : WAL_DAMAGED);
        lost += place.size > 0;
        kept += place.size == 0;
        sim_disk_free(&disk);
    }
    assert_true(lost > 10 && kept > 10);
}

static void a_misdirected_write_is_missing_and_in_the_way(void **state)
{
    (void)state;
    uint32_t astray = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct random random = random_seeded(seed);
        struct disk disk;
        uint8_t before[SEGMENT];
        sim_disk_init(&disk, SEGMENT);
        log_write(&disk, 20);
        memcpy(before, disk.files[0].durable, SEGMENT);
        struct disk_place place = sim_disk_misdirect(&disk, &random);
        if (place.size > 0) {
            astray++;
            assert_int_equal(log_verdict(&disk), WAL_DAMAGED);
            uint64_t changed = 0;
            for (size_t i = 0; i < SEGMENT; i++) changed += before[i] != disk.files[0].durable[i];
            assert_true(changed > place.size / 2); /* here and there */
        } else {
            assert_memory_equal(before, disk.files[0].durable, SEGMENT);
        }
        sim_disk_free(&disk);
    }
    assert_true(astray > 10);
}

static void rot_flips_one_bit_of_what_was_written(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct random random = random_seeded(seed);
        struct disk disk;
        uint8_t before[SEGMENT];
        sim_disk_init(&disk, SEGMENT);
        log_write(&disk, 20);
        memcpy(before, disk.files[0].durable, SEGMENT);
        struct disk_place place = sim_disk_rot(&disk, &random);
        assert_int_equal(place.size, 1);
        uint8_t flipped = before[place.offset] ^ disk.files[0].durable[place.offset];
        assert_true(flipped != 0 && (flipped & (flipped - 1)) == 0);
        before[place.offset] ^= flipped;
        assert_memory_equal(before, disk.files[0].durable, SEGMENT);
        assert_memory_equal(before, disk.files[0].cached, SEGMENT);
        sim_disk_free(&disk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(synced_writes_survive_a_power_loss),
        cmocka_unit_test(a_power_loss_leaves_each_sector_old_or_new),
        cmocka_unit_test(a_sector_written_twice_may_keep_the_first),
        cmocka_unit_test(a_process_crash_loses_nothing_until_the_power_goes_too),
        cmocka_unit_test(a_file_that_was_never_synced_may_be_gone_and_a_trimmed_one_back),
        cmocka_unit_test(a_write_is_only_lost_where_others_witness_it),
        cmocka_unit_test(a_misdirected_write_is_missing_and_in_the_way),
        cmocka_unit_test(rot_flips_one_bit_of_what_was_written),
        cmocka_unit_test(a_write_to_a_trimmed_segment_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
