// SPDX-License-Identifier: MIT
// list.c: both kinds of list of base/list.h against a model: after every operation the items stand
// in the model's order, linked both ways, and the ends are right; one that has left has no links.
#include "../check.h"

typedef struct item_s {
  struct item_s* next;
  struct item_s* prev;
  struct item_s* other_next;
  struct item_s* other_prev;
} item_t;

typedef struct ends_s {
  item_t* first;
  item_t* last;
} ends_t;

#define RIX_LIST both
#define RIX_LIST_ITEM item_t
#define RIX_LIST_NEXT next
#define RIX_LIST_PREV prev
#define RIX_LIST_ENDS ends_t
#include "base/list.h"

#define RIX_LIST other
#define RIX_LIST_ITEM item_t
#define RIX_LIST_NEXT other_next
#define RIX_LIST_PREV other_prev
#include "base/list.h"

enum { ITEMS = 6, STEPS = 20000 };

static item_t items[ITEMS];

// The items of a list in their order.
typedef struct model_s {
  item_t* at[ITEMS];
  size_t count;
} model_t;

static void insert(model_t* model, size_t at, item_t* item) {
  memmove(&model->at[at + 1], &model->at[at], (model->count - at) * sizeof(item_t*));
  model->at[at] = item;
  model->count++;
}

// Where the item is; count: it is not there.
static size_t find(const model_t* model, const item_t* item) {
  size_t i = 0;
  while (i < model->count && model->at[i] != item)
    i++;
  return i;
}

static void erase(model_t* model, size_t at) {
  model->count--;
  memmove(&model->at[at], &model->at[at + 1], (model->count - at) * sizeof(item_t*));
}

static void rotate(model_t* model, size_t at) {
  model_t old = *model;
  for (size_t i = 0; i < old.count; i++)
    model->at[i] = old.at[(i + at) % old.count];
}

// What stands at a place of the model, or beside its ends: NULL.
static item_t* near(const model_t* model, size_t at) {
  return at < model->count ? model->at[at] : NULL;
}

static void two_ends(void) {
  ends_t list = {NULL, NULL};
  model_t model = {{NULL}, 0};
  uint64_t rng = 1;
  for (int step = 0; step < STEPS; step++) {
    item_t* const item = &items[check_below(&rng, ITEMS)];
    const size_t at = find(&model, item);
    const bool way = check_below(&rng, 2) == 0;
    if (at < model.count && way) {
      both_rotate_to(&list, item);
      rotate(&model, at);
    } else if (at < model.count) {
      both_unlink(&list, item);
      erase(&model, at);
      CHECK(item->next == NULL && item->prev == NULL);
    } else if (way) {
      both_link_front(&list, item);
      insert(&model, 0, item);
    } else {
      both_link_back(&list, item);
      insert(&model, model.count, item);
    }
    CHECK(list.first == near(&model, 0) && list.last == near(&model, model.count - 1));
    for (size_t i = 0; i < model.count; i++) {
      CHECK(model.at[i]->next == near(&model, i + 1));
      CHECK(model.at[i]->prev == near(&model, i - 1));
    }
  }
}

static void one_end(void) {
  item_t* first = NULL;
  model_t model = {{NULL}, 0};
  uint64_t rng = 2;
  for (int step = 0; step < STEPS; step++) {
    item_t* const item = &items[check_below(&rng, ITEMS)];
    const size_t at = find(&model, item);
    if (at < model.count) {
      other_remove(&first, item);
      erase(&model, at);
      CHECK(item->other_next == NULL && item->other_prev == NULL);
    } else {
      // Links are written whatever they were.
      item->other_next = item->other_prev = &items[0];
      other_push(&first, item);
      insert(&model, 0, item);
    }
    CHECK(first == near(&model, 0));
    for (size_t i = 0; i < model.count; i++) {
      CHECK(model.at[i]->other_next == near(&model, i + 1));
      CHECK(model.at[i]->other_prev == near(&model, i - 1));
    }
  }
}

int main(void) {
  two_ends();
  one_end();
  return 0;
}
