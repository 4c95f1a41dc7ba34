/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What administrators of other realms do, where several share a store: what is made there is
 * there here, too, and what is removed ends here as it would by our own administrators.
 *
 * For one name the last one to be stored counts, in all realms.
 */
#pragma once

#include "realm/realm_made.h"

/** Another realm has put that key, or deleted it: see store_watch. What cannot be used is a
 *  line in the log. */
void realm_made_shared_take(struct realm_made *made, struct span key, const struct span *value);
