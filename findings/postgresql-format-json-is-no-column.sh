#!/usr/bin/env bash
# PostgreSQL 16 to 18: a column named format can have every type but json, although format is no reserved word.
#
# Expected: pg_get_keywords() lists format as unreserved (U; 15 does not list it), and the manual says that such a word names a column without quotes.
# Happens: from 16 on `format json` is a syntax error where a column is defined; `format jsonb`, `format text` and
# `"format" json` are not. 15 takes all four.
# Matters to: migrations that add such a column. They pass on PostgreSQL 15 and on SQLite, and stop an upgrade on 16 and later.
# SQLAlchemy 2.0 quotes only what it knows as reserved, so the word has to be quoted by hand.
# The guess before: an unreserved word names a column of any type, in all versions.
#
# PGlite is PostgreSQL as WebAssembly, with its own parser: 0.1.5 has PostgreSQL 15, 0.2.17 has 16 and 0.5.17 has 18.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
node_packages pglite15@npm:@electric-sql/pglite@0.1.5 pglite16@npm:@electric-sql/pglite@0.2.17 \
    pglite18@npm:@electric-sql/pglite@0.5.17
cat >"$work/tables.cjs" <<'JS'
async function main() {
  for (const name of ["pglite15", "pglite16", "pglite18"]) {
    const { PGlite } = require(name);
    const db = new PGlite();
    const number = parseInt((await db.query("show server_version")).rows[0].server_version, 10);
    const word = await db.query("select catcode::text from pg_get_keywords() where word = 'format'");
    console.log(`PostgreSQL ${number}: format is a keyword of class ${word.rows[0]?.catcode ?? "none"}`);
    let count = 0;
    for (const column of ["format json", "format jsonb", "format text", '"format" json']) {
      count += 1;
      try {
        await db.query(`create table t${count} (id int, ${column})`);
        console.log(`  ${column.padEnd(13)} made`);
      } catch (error) {
        console.log(`  ${column.padEnd(13)} ${error.message}`);
      }
    }
    await db.close();
  }
}
main();
JS
node "$work/tables.cjs" | described 'PostgreSQL 15: format is a keyword of class none
  format json   made
  format jsonb  made
  format text   made
  "format" json made
PostgreSQL 16: format is a keyword of class U
  format json   syntax error at or near "format"
  format jsonb  made
  format text   made
  "format" json made
PostgreSQL 18: format is a keyword of class U
  format json   syntax error at or near "format"
  format jsonb  made
  format text   made
  "format" json made'
