/* list: an intrusive doubly linked ring. The head is a node of its own; order is that of adding. */
#ifndef OPENILS_BASE_LIST_H
#define OPENILS_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_add(struct list *head, struct list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

/* The node may be removed once; it is a ring of its own afterwards. */
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = node->prev = node;
}

#define list_entry(node, type, member) ((type *)(void *)((char *)(node) - offsetof(type, member)))

#define list_each(pos, head) for (struct list *pos = (head)->next; pos != (head); pos = pos->next)

#define list_each_safe(pos, head)                                                                  \
    for (struct list *pos = (head)->next, *pos##_next = pos->next; pos != (head);                  \
         pos = pos##_next, pos##_next = pos->next)

#endif
