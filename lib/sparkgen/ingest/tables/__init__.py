"""Tables that have a picture in each row.

In comes a path or the name of a table. Out go blocks of records: of Parquet files in their own order, of
whatever else Spark reads in an order by key or content.

    names, columns, classes     what is read, which columns of it, and what their labels mean
    parquet, shares             Parquet files by row groups; who reads what
    spark, spark_path, delta    tables that Spark reads; paths for it; the files of a Delta table
    look                        what `sparkgen inspect` says of a table

Read `names.py` first.
"""
