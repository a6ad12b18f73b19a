/* Paths, fields and query parameters of a request that was read. See http1.h. */
#include "wire/http1_text.h"

const struct http_field *http_field_find(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->fields_count; i++) {
        if (http_equal_but_case(request->fields[i].name, name)) return &request->fields[i];
    }
    return NULL;
}

bool http_field_lists(const struct http_request *request, const char *name, const char *word)
{
    for (size_t i = 0; i < request->fields_count; i++) {
        struct slice left = request->fields[i].value;
        struct slice item, rest;
        if (!http_equal_but_case(request->fields[i].name, name)) continue;
        for (bool more = true; more; left = rest) {
            more = http_split(left, ',', &item, &rest);
            if (http_equal_but_case(http_trim(more ? item : left), word)) return true;
        }
    }
    return false;
}

bool http_path_is(const struct http_request *request, const char *path)
{
    return http_equal_text(request->path, path);
}

bool http_query_next(struct slice *query, struct slice *name, struct slice *value)
{
    if (query->size == 0) return false;
    struct slice pair, rest;
    if (!http_split(*query, '&', &pair, &rest)) {
        pair = *query;
        rest = slice_of(query->data + query->size, 0);
    }
    if (!http_split(pair, '=', name, value)) {
        *name = pair;
        *value = slice_of(pair.data + pair.size, 0);
    }
    *query = rest;
    return true;
}

bool http_decode(struct slice encoded, uint8_t *out, size_t capacity, size_t *size)
{
    size_t count = 0;
    for (size_t i = 0; i < encoded.size; i++) {
        uint8_t byte = encoded.data[i];
        if (byte == '+') byte = ' ';
        if (byte == '%') {
            if (encoded.size - i < 3) return false;
            int high = http_hex_digit(encoded.data[i + 1]);
            int low = http_hex_digit(encoded.data[i + 2]);
            if (high < 0 || low < 0) return false;
            byte = (uint8_t)(high << 4 | low);
            i += 2;
        }
        if (byte == 0 || count == capacity) return false;
        out[count++] = byte;
    }
    *size = count;
    return true;
}

enum {
    PARAMETER_NAME_SIZE_MAX = 64,
};

enum http_parameter http_query_find(struct slice query, const char *name, uint8_t *out,
                                    size_t capacity, size_t *size)
{
    struct slice key, value;
    while (http_query_next(&query, &key, &value)) {
        uint8_t decoded[PARAMETER_NAME_SIZE_MAX];
        size_t decoded_size;
        if (!http_decode(key, decoded, sizeof decoded, &decoded_size)) continue;
        if (!http_equal_text(slice_of(decoded, decoded_size), name)) continue;
        return http_decode(value, out, capacity, size) ? HTTP_PARAMETER_FOUND : HTTP_PARAMETER_BAD;
    }
    return HTTP_PARAMETER_MISSING;
}

enum http_parameter http_query_number(struct slice query, const char *name, uint64_t max,
                                      uint64_t *value)
{
    uint8_t digits[20];
    size_t size;
    enum http_parameter found = http_query_find(query, name, digits, sizeof digits, &size);
    if (found != HTTP_PARAMETER_FOUND) return found;
    uint64_t number;
    if (!decimal_read(slice_of(digits, size), &number) || number > max) return HTTP_PARAMETER_BAD;
    *value = number;
    return HTTP_PARAMETER_FOUND;
}
