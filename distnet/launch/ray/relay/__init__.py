"""Workers that do not see the run folder or the dataset: one actor beside the folder serves them.

    worker --- replica: a private copy, shipped as it grows -----+
           --- remote_store: checkpoints, in pieces -------------+--> actor --> run folder, dataset
           --- reached: the dataset, to the cache of the node ---+

Where all workers see both, none of this is started.
"""
