#include "host/store_internal.h"

#include <stdlib.h>

#define TURN_FIRST 16

void hm_turns_init(struct hm_turns *turns)
{
	turns->first = NULL;
	turns->last = &turns->first;
}

void hm_turns_add(struct hm_turns *turns, struct hm_turn *turn)
{
	turn->next = NULL;
	*turns->last = turn;
	turns->last = &turn->next;
}

struct hm_turn *hm_turns_take(struct hm_turns *turns)
{
	struct hm_turn *turn = turns->first;

	if (!turn)
		return NULL;
	turns->first = turn->next;
	if (!turns->first)
		turns->last = &turns->first;
	turn->next = NULL;
	return turn;
}

static struct hm_turn *grow(struct hm_turn *turn)
{
	size_t cap = turn ? turn->cap * 2 : TURN_FIRST;
	struct hm_turn *larger = realloc(turn, sizeof *turn + cap * sizeof turn->op[0]);

	if (!larger)
		return NULL;
	if (!turn)
		*larger = (struct hm_turn){ .n = 0 };
	larger->cap = cap;
	return larger;
}

struct hm_op *hm_turn_add(struct hm_turn **turn)
{
	struct hm_op *op;

	if (!*turn || (*turn)->n == (*turn)->cap) {
		struct hm_turn *larger = grow(*turn);

		if (!larger)
			return NULL;
		*turn = larger;
	}
	op = &(*turn)->op[(*turn)->n++];
	memset(op, 0, sizeof *op);
	return op;
}

static void op_finish(struct hm_op *op)
{
	if (op->kind == HM_OP_PUT || op->kind == HM_OP_DEL || op->kept)
		return;
	if (op->keys.row)
		sodium_memzero(op->keys.row, op->keys.n * sizeof *op->keys.row);
	free(op->keys.row);
}

void hm_turn_destroy(struct hm_turn *turn)
{
	for (size_t i = 0; turn && i < turn->n; i++)
		op_finish(&turn->op[i]);
	free(turn);
}
