/* certificate: does it hold a name, and where does it end? All that the core asks of the bytes. */
#include "base/certificate.h"

/* "*.example.com" covers "a.example.com", not "a.b.example.com" nor "example.com" (RFC 6125). */
static bool wildcard_covers(struct slice pattern, struct slice name)
{
    if (pattern.n < 3 || pattern.p[0] != '*' || pattern.p[1] != '.')
        return false;
    size_t dot = slice_find(name, '.');
    return dot > 0 && dot < name.n &&
           slice_eq_fold(slice_make(pattern.p + 1, pattern.n - 1),
                         slice_make(name.p + dot, name.n - dot));
}

bool certificate_names(const struct certificate *c, struct slice name)
{
    if (name.n != 0 && name.p[name.n - 1] == '.')
        name.n--; /* a fully qualified name may end in a dot */
    for (size_t i = 0; i < c->name_n && name.n != 0; i++)
        if (slice_eq_fold(c->name[i], name) || wildcard_covers(c->name[i], name))
            return true;
    return false;
}

/* Tag and length of the outermost SEQUENCE (X.690). */
size_t certificate_der_size(struct slice ders)
{
    size_t n = 0, head = 2;
    if (ders.n < 2)
        return ders.n;
    if (ders.p[1] < 0x80) {
        n = ders.p[1];
    } else {
        head += ders.p[1] & 0x7f;
        if (head > 6 || head > ders.n)
            return ders.n;
        for (size_t i = 2; i < head; i++)
            n = n << 8 | ders.p[i];
    }
    return n <= ders.n - head ? head + n : ders.n;
}
