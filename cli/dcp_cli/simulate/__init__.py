"""`dcp simulate`: what an autoscaler would do with a load, before it does.

trace.py has the loads, world.py the queue and the pods that all autoscalers share; ours.py, keda.py and numaflow.py
are the autoscalers; play.py brings one of each together and measures. grid.py compares ours with a grid of KEDA's
settings, draw.py and report.py show it. command.py is the command.
"""
