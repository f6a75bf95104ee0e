import time
from study.trial.artifacts import Store
from study.prepare import *
from study.config import TrialConfig
from study.trial.data.sources import load_task
from study.trial import run_trial
from study.trial.training import Numerics
from pathlib import Path
def test_x(task_folder, model_folder, tmp_path):
    store=Store(tmp_path/"s"); t=load_task(str(task_folder)); store_task(store,t)
    print(t.notes)
    m=store_model(store,str(model_folder),1)
    for tlr in (1e-3,3e-3,1e-2):
      for lr in (3e-3,):
        c=TrialConfig(task=t.fingerprint,model=m.fingerprint,model_layers=4,depth=2,teacher_learning_rate=tlr,learning_rate=lr,teacher_steps=120,teacher_batch_size=16,batch_size=16,steps=40)
        a=time.time(); i=build_inputs(store,c,"",("train","validation","test"),1); b=time.time()
        print("teacher",tlr,b-a,i.teacher_scores("test")["accuracy"])
        for init in ("teacher","random"):
            c2=c.model_copy(update={"init":init})
            b=time.time()
            *_,p=run_trial(c2,store,tmp_path/f"{tlr}{init}",4,True,Numerics.here(1))
            print(time.time()-b,p.result["outcome"],p.result["test"]["accuracy"])
