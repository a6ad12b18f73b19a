/* CRC-32C (Castagnoli polynomial, reflected), as in RFC 3720 appendix B.4. */
#ifndef QUARTET_BASE_CRC32C_H
#define QUARTET_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of `size` bytes that follow bytes whose checksum was `crc`; 0 begins. */
uint32_t crc32c(uint32_t crc, const void *data, size_t size);
/* The same, without the processor's help: for the test that compares them. */
uint32_t crc32c_portable(uint32_t crc, const void *data, size_t size);

#endif
