/* The tables by which a project's files are read; for this floor only. */
#ifndef PROJECT_TABLES_H
#define PROJECT_TABLES_H

#include "project/project.h"

void settings_read(struct arena *a, const struct node *root, struct project_settings *ret, struct diags *diags);
void connection_read(struct project *p, const struct node *root, struct connection *ret, struct diags *diags);
void integration_read(struct project *p, const struct node *root, struct integration *ret, struct diags *diags);

#endif
