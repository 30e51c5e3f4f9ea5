/* The one table of commands. Help, manual page, completions and the parser read it; a command is added by a row here
 * and a function. */
#include "app/command.h"

#define OPTIONS(rows) rows, sizeof(rows) / sizeof *(rows)
#define NO_OPTIONS    NULL, 0
#define MANY          64

static const struct option_row check_options[] = {
    {"online", 0, NULL, "also connect, fetch one page, and compare with the real table"},
    {"patience", 0, "DURATION", "how long a source that is down is retried (default 5s)"},
};
static const struct option_row preview_options[] = {
    {"number", 'n', "N", "records (default 5)"},
    {"patience", 0, "DURATION", "how long a source that is down is retried (default 10s)"},
};
static const struct option_row ddl_options[] = {
    {"create", 0, NULL, "create the table in the target"},
    {"patience", 0, "DURATION", "how long a source that is down is retried (default 5s)"},
};
static const struct option_row run_rows[] = {
    {"from", 0, "T", "backfill: the first second to read"},
    {"to", 0, "T", "backfill: the last second to read"},
    {"remedy", 0, NULL, "what omissionRemedy says, now"},
    {"reread", 0, NULL, "read every tier of `reread` again, and the remedy, due or not"},
    {"no-reread", 0, NULL, "read none again"},
    {"dry-run", 0, NULL, "fetch and map, keep and write nothing"},
    {"patience", 0, "DURATION", "how long a source or target that is down is retried (default 60s)"},
};
static const struct option_row audit_options[] = {
    {"from", 0, "T", "the first second to count again (default: seven days before --to)"},
    {"to", 0, "T", "the last one (default, and at most: the cursor)"},
    {"repair", 0, NULL, "fetch what is off again, and write it"},
    {"patience", 0, "DURATION", "how long a source or target that is down is retried (default 60s)"},
};
static const struct option_row replay_options[] = {
    {"from", 0, "T", "pages whose window touches this and"},
    {"to", 0, "T", "what lies before this"},
    {"patience", 0, "DURATION", "how long a target that is down is retried (default 60s)"},
};
static const struct option_row retry_options[] = {
    {"all", 0, NULL, "every open dead letter"},
    {"id", 0, "X", "those of this source or target id"},
    {"edit", 0, "FILE", "with --id: take the record's JSON from the file (-: standard input) instead"},
    {"set", 0, "PATH=VALUE", "with --id: change one value of the record"},
    {"patience", 0, "DURATION", "how long a target that is down is retried (default 60s)"},
};
static const struct option_row drop_options[] = {
    {"all", 0, NULL, "every open dead letter"},
    {"id", 0, "X", "those of this source or target id"},
};
static const struct option_row init_options[] = {
    {"sqlite", 0, NULL, "write into an SQLite file instead of MySQL"},
    {"connection", 0, "FILE", "a ready-made source connection, or the line that sluice-sim prints"},
    {"start", 0, "T", "where the first LAST_SYNC_TIME stands"},
};
static const struct option_row runs_options[] = {
    {"windows", 0, NULL, "the windows that were read instead, each with its proof"},
    {"number", 'n', "N", "how many (default 20)"},
    {"before", 0, "N", "older ones: what `next` of the list before says"},
};
static const struct option_row log_options[] = {
    {"follow", 'f', NULL, "go on with what happens"},
    {"number", 'n', "N", "how many of the last lines (default 50)"},
};
static const struct option_row records_options[] = {
    {"id", 0, "X", "one record, by the id of the source or of the target"},
    {"state", 0, "STATE", "waiting, done (or written), filtered, folded, repeat, error, retried, dropped, superseded"},
    {"from", 0, "T", "fetched at or after T"},
    {"to", 0, "T", "fetched at or before T"},
    {"text", 0, "TEXT", "those whose raw JSON holds the text"},
    {"value", 0, "X", "those of which some value is exactly X: a document number, a phone number"},
    {"ids", 0, "LIST", "the newest version of each of these ids, commas or blanks between"},
    {"before", 0, "PLACE", "go on where `next` of the list before says"},
    {"seconds", 0, "N", "look no longer than that; `next` says where to go on"},
    {"export", 0, "FORMAT", "as a file: csv (the rows as they are mapped) or json (with raw and mapped)"},
    {"number", 'n', "N", "how many (default 20; with --id: versions, 1 unless records are kept)"},
};
static const struct option_row fields_options[] = {
    {"accept", 0, NULL, "take the present state as the base"},
};
static const struct option_row cursor_options[] = {{"set", 0, "T", "move it there"}};
static const struct option_row serve_options[] = {
    {"listen", 0, "ADDRESS", "instead of the project's: 127.0.0.1:8420, port 0 for any free one"},
};
static const struct option_row alerts_options[] = {
    {"number", 'n', "N", "history: how many (default 20)"},
    {"rule", 0, "RULE", "silence: this rule only"},
    {"integration", 0, "NAME", "silence: this integration only; * and ? are allowed"},
    {"for", 0, "DURATION", "silence: how long (default 1h)"},
    {"comment", 0, "TEXT", "silence: why"},
};
static const struct option_row help_options[] = {{"man", 0, NULL, "the manual page, for man(1)"}};
static const struct option_row demo_options[] = {
    {"orders", 0, "N", "how many orders the simulator has (default 5000)"},
    {"keep", 0, "DIR", "make the project there and keep it"},
};

static const struct option_row bundle_options[] = {
    {"force", 0, NULL, "replace FILE when it exists"},
    {"lines", 0, "N", "how many of the last lines of the log (default 1000)"},
};
static const struct option_row user_options[] = {
    {"role", 0, "ROLE", "viewer, operator or admin (default admin)"},
};

static const struct command commands[] = {
    {"init", "[DIR]", "a new project from the seed case, commented, ready to fill in",
     "用示例场景新建一个项目，带注释，填好即可用",
     "Writes sluice.json, connections/, integrations/ and maps/. It overwrites nothing: a file that exists ends it "
     "with status 2.",
     "sluice init my-project\nsluice init my-project --sqlite --connection sim.json", OPTIONS(init_options), 0, 1,
     WORDS_FOLDER, command_init},
    {"check", "[NAME…]", "validates everything offline; --online asks both sides as well",
     "离线检查全部配置；--online 同时检查两端",
     "Findings are lines like `file:line:column: error: … (did you mean …?)`. Status 2: an error was found offline; 1: "
     "only the other side could show it; 0: at most warnings.",
     "sluice check\nsluice check orders --online", OPTIONS(check_options), 0, MANY, WORDS_INTEGRATION, command_check},
    {"preview", "NAME", "fetches one page and shows raw and mapped rows side by side; writes nothing",
     "取一页数据，对照显示原始记录与映射结果，不写入",
     "The newest window that the interface allows is asked for. The statement that would be sent is shown below.",
     "sluice preview orders -n 2", OPTIONS(preview_options), 1, 1, WORDS_INTEGRATION, command_preview},
    {"ddl", "NAME", "the CREATE TABLE that fits the mapping and a sample", "按映射和样本生成建表语句",
     "Lengths come from one page of real records; without a source that answers, from the mapping's types alone, and "
     "stderr says so.",
     "sluice ddl orders\nsluice ddl orders --create", OPTIONS(ddl_options), 1, 1, WORDS_INTEGRATION, command_ddl},
    {"run", "NAME", "runs until caught up with now − lag, then exits", "运行直到追上当前时间，然后退出",
     "--from and --to read a range again (both ends included) without moving the cursor. Behind the ordinary reading "
     "come "
     "the tiers of `reread` that are due, with calls that nobody else needs; --reread does all of them now. On a "
     "terminal one line shows "
     "the progress. Status 0: all written, 3: with dead letters,\n"
     "1: failed, 2: wrong configuration, 130: interrupted; the state is safe in each case and the next run goes on.",
     "sluice run orders\nsluice run orders --from \"2026-11-01 00:00:00\" --to \"2026-11-02 00:00:00\"",
     OPTIONS(run_rows), 1, 1, WORDS_INTEGRATION, command_run},
    {"audit", "NAME", "counts again: what the source shows against what the target holds", "核对：来源与目标逐键对账",
     "Reads the range again by the same windows, keeps nothing of it and moves nothing, and names each key that is "
     "missing (the source shows it, the target has no row), stale (the row differs) or orphaned (nothing that the "
     "source shows gives this row). Dead letters are told apart. --repair fetches just those, by an ordinary run, and "
     "looks again; orphaned rows go as `children` and `left_filter` say. Status 0: nothing is off, 3: something is (or "
     "a window could not be shown to be complete), 1: failed.",
     "sluice audit orders\nsluice audit orders --from \"2026-11-01 00:00:00\" --to \"2026-11-02 00:00:00\" --repair",
     OPTIONS(audit_options), 1, 1, WORDS_INTEGRATION, command_audit},
    {"status", "[NAME]", "where each integration stands", "各集成当前进度",
     "Cursor (written up to), fetched up to, how far behind, dead letters, open gaps, what the target promises, the "
     "last run. From the project's own state: nobody is called.",
     "sluice status\nsluice status orders --json", NO_OPTIONS, 0, 1, WORDS_INTEGRATION, command_status},
    {"serve", "", "scheduler, workers, API and dashboard, until told to stop",
     "调度、执行、API 与控制台，直到收到停止信号",
     "Each integration runs by its schedules; a schedule that was missed is made up for once. Files that change are "
     "read "
     "again: one with errors leaves the last good one in use and says so.\n"
     "SIGTERM ends it in order within ten seconds, SIGHUP reads the project again now. When the terminal is closed "
     "that it was started on, it ends as well.",
     "sluice serve\nsluice serve -C /srv/orders --listen 127.0.0.1:9000", OPTIONS(serve_options), 0, 0, WORDS_NONE,
     command_serve},
    {"runs", "NAME", "the runs of an integration, newest first", "运行历史，最新在前",
     "--windows lists the ranges that were read: what the source said was there, what was read, folded, filtered, "
     "repeated, written and dead, and whether it was shown to be complete.",
     "sluice runs orders -n 5\nsluice runs orders --windows", OPTIONS(runs_options), 1, 1, WORDS_INTEGRATION,
     command_runs},
    {"log", "[NAME]", "what happened, event by event", "事件日志",
     "With --json the lines as they are kept: one JSON object a line.", "sluice log orders -f", OPTIONS(log_options), 0,
     1, WORDS_INTEGRATION, command_log},
    {"records", "NAME", "what became of a record", "查询一条记录的来龙去脉",
     "With --id: when it was fetched, from which call, what it looked like, what the mapping makes of it now, what "
     "stands in the target, and its dead letters.\n"
     "With \"keep\": \"records\" each version of it, and how it was judged: in which batch it was committed and when, "
     "which condition filtered it, what the target refused.\n"
     "Without: the newest records of the journal, or those of a state.\n"
     "--export writes a file: CSV in UTF-8 for spreadsheets, in which a cell that would be taken for a formula has an "
     "apostrophe before it, or JSON. Where something did not fit, the status says so.",
     "sluice records orders --id 900001\nsluice records orders --state error\n"
     "sluice records orders --from \"2026-11-01 00:00:00\" --text SKU-0815\n"
     "sluice records orders --export csv > orders.csv",
     OPTIONS(records_options), 1, 1, WORDS_INTEGRATION, command_records},
    {"retry", "NAME", "writes dead letters again", "重试死信",
     "By the current mapping. Without a choice it lists what there is and ends with status 2.\n"
     "An edited record must be the same one: its id and version cannot change. What came from the source is kept "
     "beside "
     "it, and `records --id` shows both.",
     "sluice retry orders --all\nsluice retry orders --id 900001\n"
     "sluice retry orders --id 900001-2 --set items.1.qty=2",
     OPTIONS(retry_options), 1, 1, WORDS_INTEGRATION, command_retry},
    {"drop", "NAME", "puts dead letters away", "丢弃死信",
     "Without a choice it lists what there is and ends with status 2.", "sluice drop orders --id 900001",
     OPTIONS(drop_options), 1, 1, WORDS_INTEGRATION, command_drop},
    {"replay", "NAME", "maps and writes again from the journal, without calling the API",
     "用本地日志重新映射并写入，不调用接口",
     "Of each record the newest version in the journal is written, and never an older one over a newer. What a plain "
     "INSERT has in the table as it is stays alone. What is refused is a dead letter.",
     "sluice replay orders --from \"2026-11-01 00:00:00\" --to \"2026-11-02 00:00:00\"", OPTIONS(replay_options), 1, 1,
     WORDS_INTEGRATION, command_replay},
    {"cursor", "NAME", "shows or moves LAST_SYNC_TIME", "查看或移动同步游标",
     "It is moved in the target's checkpoint and in the project's state, under the integration's lock. Times are in "
     "the project's zone unless they name an offset.",
     "sluice cursor orders\nsluice cursor orders --set \"2026-11-01 00:00:00\"", OPTIONS(cursor_options), 1, 1,
     WORDS_INTEGRATION, command_cursor},
    {"fields", "NAME", "what the records look like, and what of it has changed", "记录的字段、类型与变化",
     "Each field with how many records had it, its types, its longest text (or most digits before and after the "
     "point), "
     "since when, and the column that it is mapped to. Below: the changes that are open, with the ALTER TABLE that "
     "would "
     "fit and the member of request[] that maps a new field.\n"
     "--accept closes them; with \"drift\": \"stop\" the next run goes on.",
     "sluice fields orders\nsluice fields orders --accept", OPTIONS(fields_options), 1, 1, WORDS_INTEGRATION,
     command_fields},
    {"connectors", "[NAME]", "the systems it speaks, their interfaces, parameters, limits",
     "支持的系统及其接口、参数与限制", "", "sluice connectors\nsluice connectors jushuitan-qimen -v", NO_OPTIONS, 0, 1,
     WORDS_CONNECTOR, command_connectors},
    {"schema", "[NAME]", "JSON Schemas of the project's files", "项目文件的 JSON Schema",
     "Without a name it lists them.", "sluice schema integration > integration.schema.json", NO_OPTIONS, 0, 1,
     WORDS_SCHEMA, command_schema},
    {"secret", "set|list|rm [NAME]", "the encrypted store of secrets", "加密保存的密钥",
     "A value is read from standard input and is never shown again; ${secret:NAME} in a connection refers to it. The "
     "key lives outside the project's folder.",
     "sluice secret set bi < password-file\nsluice secret list", NO_OPTIONS, 1, 2, WORDS_SECRET, command_secret},
    {"user", "add|list|rm [NAME]", "the accounts of the dashboard", "仪表盘的账户",
     "The first one is an admin. `user add` of a name that exists sets its password anew, and its role with --role; "
     "its "
     "sessions end. A password is asked for on a terminal, else read from standard input. A server that runs sees the "
     "change at once: with the first account, loopback asks for a login as well.",
     "sluice user add ann --role operator\nsluice user list", OPTIONS(user_options), 1, 2, WORDS_USER, command_user},
    {"alerts", "[list|history|rules|channels|test CHANNEL|silences|silence|unsilence ID]",
     "what fires, whom it is told, and when not", "告警：正在发生的、渠道、静默",
     "`list` shows what fires now (as `serve` knows it), `history` what is over, `rules` what is in force, `channels` "
     "how each stands. `test` sends a test message over a channel and tells what came back. `silence` holds messages "
     "back for a while; what still fires when it ends is told then.",
     "sluice alerts\nsluice alerts test ops\nsluice alerts silence --rule stale --integration \"orders*\" --for 2h",
     OPTIONS(alerts_options), 0, 2, WORDS_ALERTS, command_alerts},
    {"bundle", "[FILE]", "the project as one .tar.gz without secrets, for support or for moving",
     "将项目打包为不含密钥的 .tar.gz，用于求助或迁移",
     "Documents, connections, maps, the project's own connectors and the saved versions of the documents, as a folder "
     "that is a project again where it is unpacked; beside them, in bundle/, what `status`, `check`, `version` and "
     "`log` "
     "say. References stay; a secret that stands in a document itself is replaced by ${secret:NAME}. What has to be "
     "set "
     "is listed, and in bundle/README.txt as well. FILE is NAME-bundle.tar.gz by default. Lines of the log and "
     "documents "
     "tell of your business: read them before you give them away.\n"
     "Data, state, journal, accounts and keys are not in it. Status 3: a document that belongs to it could not be had; "
     "it says which.",
     "sluice bundle\nsluice bundle /tmp/shop.tar.gz --force --lines 0", OPTIONS(bundle_options), 0, 1, WORDS_NONE,
     command_bundle},
    {"version", "", "the version and what the build is", "版本与构建信息", "", "sluice version --json", NO_OPTIONS, 0,
     0, WORDS_NONE, command_version},
    {"completion", "bash|zsh", "a completion script", "命令补全脚本", "",
     "source <(sluice completion bash)\nsluice completion zsh > \"${fpath[1]}/_sluice\"", NO_OPTIONS, 1, 1, WORDS_SHELL,
     command_completion},
    {"demo", "", "the whole seed case on a simulated Jushuitan and an SQLite file",
     "在模拟聚水潭和 SQLite 上演示完整流程",
     "Starts sluice-sim, makes a project, creates the table, checks, runs, and compares the table with what a perfect "
     "copy holds. On a terminal it then offers to go on serving, with new orders and the dashboard; else it ends by "
     "itself. It takes the simulator with it.",
     "sluice demo\nsluice demo --orders 1000 --keep demo-project", OPTIONS(demo_options), 0, 0, WORDS_NONE,
     command_demo},
    {"help", "[COMMAND]", "this help, or that of a command", "帮助", "", "sluice help run", OPTIONS(help_options), 0, 1,
     WORDS_COMMAND, command_help},
};

const struct command *command_at(size_t i)
{
    return i < sizeof commands / sizeof *commands ? &commands[i] : NULL;
}

const struct command *command_find(struct str name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (str_eq(name, str_of(commands[i].name)))
            return &commands[i];
    return NULL;
}
