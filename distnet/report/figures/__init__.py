"""One file per kind of figure, named after the kind; each has one public function, `draw`.

    draw(figure, arrays) -> the parts that the figure becomes on the page

See `run_folder/figures.py` for the kinds and `report/parts.py` for the parts.
"""
