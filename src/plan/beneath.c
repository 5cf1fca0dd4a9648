/* beneath: whether longer numbers may begin with one that nobody has. The index knows numbers, not
 * their beginnings, so the plan keeps how long the numbers are that begin with the same three
 * digits, about a country each. That only ever grows: it may say yes too often, never no. */
#include "plan/catalog.h"
#include "plan/index.h"

bool plan_beneath(const struct plan *p, struct slice number)
{
    int class = number_class(number);
    bool plus = number.n > 0 && number.p[0] == '+';
    return class < 0 || number.n < atomic_load_explicit(&p->longest[plus][class],
                                                        memory_order_relaxed);
}
