"""Attaches Spark to a server's Iceberg catalog; run by Spark's own environment, without mere.

Prints one JSON object. Iceberg's runtime is fetched as Spark fetches packages.
"""

from __future__ import annotations

import json
import sys

from pyspark.sql import SparkSession  # type: ignore[import-not-found]

RUNTIME = "org.apache.iceberg:iceberg-spark-runtime-3.5_2.12:1.11.0"


def session(uri: str, token: str) -> SparkSession:
    catalog = "spark.sql.catalog.lake"
    settings = {
        "spark.jars.packages": RUNTIME,
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "700m",
        "spark.sql.shuffle.partitions": "1",
        catalog: "org.apache.iceberg.spark.SparkCatalog",
        f"{catalog}.type": "rest",
        f"{catalog}.uri": uri,
        f"{catalog}.warehouse": "mere",
        f"{catalog}.token": token,
    }
    builder = SparkSession.builder.master("local[1]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def main(uri: str, token: str) -> None:
    spark = session(uri, token)

    def rows(query: str) -> list[list[object]]:
        return [list(row) for row in spark.sql(query).collect()]

    answers = {
        "namespaces": rows("show namespaces in lake"),
        "tables": sorted(str(row[1]) for row in rows("show tables in lake.mere")),
        "runs": rows(
            "select run_id, params['lr'], metrics['loss'] from lake.mere.runs order by run_id"
        ),
        "points": rows("select count(*), sum(step) from lake.mere.metrics where key = 'loss'"),
        "snapshots": rows("select count(*) from lake.mere.runs.snapshots"),
    }
    try:
        spark.sql("delete from lake.mere.runs where run_id = 'a'")
        answers["delete"] = "done"
    except Exception as error:  # noqa: BLE001  Spark's errors come from Java
        answers["delete"] = type(error).__name__
    print(json.dumps(answers))
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
