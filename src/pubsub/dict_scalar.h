/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One word of JSON becomes one value of a dictionary: without a mark by what it looks like,
 * under a mark by the rules of its type (doc/wire.md, "Events").
 *
 * All of them return ERR_PROTO or ERR_LIMIT with *ret_fault set, or ERR_NOMEM.
 */
#pragma once

#include "pubsub/dict.h"
#include "pubsub/dict_lex.h"

/** What a STRING stands for, in the arena. */
must_check enum err dict_scalar_text(struct arena *arena, const struct dict_lex_token *token,
                                     struct dict_fault *ret_fault, struct span *ret_text);

/** A STRING, NUMBER, TRUE, FALSE or NULL without a mark. */
must_check enum err dict_scalar_plain(struct arena *arena, const struct dict_lex_token *token,
                                      struct dict_fault *ret_fault,
                                      struct dict_value *ret_value);

/** Any token, where a value of this type has to stand: BOOLEAN to BYTES. */
must_check enum err dict_scalar_marked(struct arena *arena, enum dict_type type,
                                       const struct dict_lex_token *token,
                                       struct dict_fault *ret_fault,
                                       struct dict_value *ret_value);
