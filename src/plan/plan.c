/* plan: the catalogs, and the table of segments by id that the index's slots refer to. */
#include "plan/plan.h"

#include <string.h>

#include "plan/catalog.h"

struct plan *plan_new(struct mem *mem, const uint8_t seed[static 16], bool fold_case)
{
    struct plan *p = mem_alloc(mem, sizeof *p);
    if (p == NULL)
        return NULL;
    p->mem = mem;
    memcpy(p->seed, seed, sizeof p->seed);
    p->fold_case = fold_case;
    p->segment_top = 1;
    list_init(&p->catalogs);
    return p;
}

void plan_free(struct plan *p)
{
    if (p == NULL)
        return;
    struct mem *mem = p->mem;
    /* The index goes first: nobody will ask it again, so that nothing need be taken out of it. */
    mem_free(mem, p->index.slot, p->index.size * sizeof *p->index.slot);
    p->index = (struct index){0};
    patterns_done(&p->patterns, mem);
    list_each_safe(node, &p->catalogs) catalog_free(list_entry(node, struct catalog, node));
    mem_free(mem, p->segment, p->segment_size * sizeof *p->segment);
    mem_free(mem, p, sizeof *p);
}

void plan_use_policy(struct plan *p, const struct policy *policy)
{
    p->policy = policy;
}

const struct policy *plan_policy(const struct plan *p)
{
    return p->policy;
}

uint32_t plan_segment_new(struct catalog *c)
{
    struct plan *p = c->plan;
    uint32_t id = p->segment_free;
    if (id != 0) {
        p->segment_free = p->segment[id].next;
    } else {
        if (p->segment_top >= p->segment_size) {
            size_t size = p->segment_size == 0 ? 64 : p->segment_size * 2;
            if (size > SEGMENT_IDS_MAX)
                return 0;
            struct segment *segment = mem_resize(p->mem, p->segment,
                                                 p->segment_size * sizeof *segment,
                                                 size * sizeof *segment);
            if (segment == NULL)
                return 0;
            p->segment = segment;
            p->segment_size = size;
        }
        id = p->segment_top++;
    }
    p->segment[id] = (struct segment){.catalog = c};
    return id;
}

void plan_segment_free(struct plan *p, uint32_t id)
{
    struct segment *s = &p->segment[id];
    if (s->block != NULL)
        mem_free(p->mem, s->block, segment_block_size(s));
    *s = (struct segment){.next = p->segment_free};
    p->segment_free = id;
}

void plan_each(const struct plan *p, bool (*visit)(void *context, const struct catalog *c),
               void *context)
{
    list_each(node, &p->catalogs)
    {
        const struct catalog *c = list_entry(node, struct catalog, node);
        if (c->indexed && c->served && !visit(context, c))
            return;
    }
}

void plan_stats(const struct plan *p, struct plan_stats *ret)
{
    *ret = (struct plan_stats){.index_bytes = p->index.size * sizeof *p->index.slot +
                                              p->segment_size * sizeof *p->segment,
                                .pattern_bytes = patterns_bytes(&p->patterns),
                                .patterns = p->patterns.records};
    list_each(node, &p->catalogs)
    {
        const struct catalog *c = list_entry(node, struct catalog, node);
        ret->catalogs++;
        if (c->served)
            ret->entries += c->serving_live;
        ret->index_bytes += c->bucket_n * sizeof *c->bucket;
    }
    for (uint32_t id = 1; id < p->segment_top; id++) {
        const struct segment *s = &p->segment[id];
        if (s->catalog == NULL || s->block == NULL)
            continue;
        ret->segments++;
        ret->segment_bytes += s->size;
        ret->index_bytes += segment_marks(s) * sizeof(struct mark);
    }
}
