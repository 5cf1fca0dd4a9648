/* code: the verdict codes. Every refusal and every success has one; each cause has one code and no
 * code has two causes. The table is core/code.def; docs/contract.md shows it. */
#ifndef OPENILS_CORE_CODE_H
#define OPENILS_CORE_CODE_H

#include <stdint.h>

enum code {
    CODE_NONE = 0,
#define CODE(number, name, cause, remedy, at) CODE_##name = number,
#include "core/code.def"
#undef CODE
};

/* True for the codes that say that a join succeeded. */
static inline int code_is_success(enum code code)
{
    return code >= 100 && code < 200;
}

#endif
