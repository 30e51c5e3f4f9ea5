/* Static value maps. Inside meta only. */
#ifndef META_MAPPING_H
#define META_MAPPING_H

#include "meta/doc.h"

struct map_table;
/* The map of that name, or NULL; *ret_nearest gets the nearest name then, or NULL. */
const struct map_table *maps_find(const struct maps *m, struct str name, const char **ret_nearest);
/* What the key becomes; false when the map lacks it. */
bool map_lookup(const struct map_table *t, bool reverse, struct str key, struct value *ret);

#endif
