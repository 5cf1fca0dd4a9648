/* list: order, removal, removal while walking. */
#include "test.h"

#include "base/list.h"

struct thing {
    int number;
    struct list node;
};

static int digits(const struct list *head)
{
    int v = 0;
    list_each(node, (struct list *)head) v = v * 10 + list_entry(node, struct thing, node)->number;
    return v;
}

static void test_list(void **state)
{
    struct list head;
    struct thing thing[5];
    list_init(&head);
    assert_true(list_empty(&head));
    for (int i = 0; i < 5; i++) {
        thing[i].number = i + 1;
        list_add(&head, &thing[i].node);
    }
    assert_int_equal(digits(&head), 12345);
    list_remove(&thing[2].node);
    assert_true(list_empty(&thing[2].node));
    assert_int_equal(digits(&head), 1245);
    list_add(&head, &thing[2].node);
    assert_int_equal(digits(&head), 12453);
    list_each_safe(node, &head)
    {
        if (list_entry(node, struct thing, node)->number % 2 == 1)
            list_remove(node);
    }
    assert_int_equal(digits(&head), 24);
    list_each_safe(node, &head) list_remove(node);
    assert_true(list_empty(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_list)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
