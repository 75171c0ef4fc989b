"""python -m jisr_node.cli"""

from . import main

main()
